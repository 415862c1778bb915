import { expect, test } from "vitest";
import { parseUnits } from "./show.ts";

const SHOW = `Type=simple
Id=imap@1-127.0.0.1:143-127.0.0.1:5.service
TriggeredBy=imap.socket
RefuseManualStop=no
LoadState=loaded
Unknown=a=b

Accept=yes
Id=imap.socket
LoadState=loaded
RefuseManualStart=yes

`;

test("blocks in any order of properties; what an old systemd does not print is empty", () => {
  const [service, socket] = parseUnits(SHOW);
  expect(service).toMatchObject({
    type: "simple",
    triggeredBy: ["imap.socket"],
    refuseManualStop: false,
    killMode: "",
    accept: false,
  });
  expect(socket).toMatchObject({ id: "imap.socket", accept: true, refuseManualStart: true });
});

test("nothing printed", () => expect(parseUnits("\n")).toEqual([]));
