import { expect, test } from "vitest";
import { acceptingSocket, parseUnits } from "./show.ts";

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

test("an instance that no longer knows what triggered it is its socket's all the same", () => {
  const units = new Map(
    parseUnits(SHOW.replace("TriggeredBy=imap.socket", "TriggeredBy=")).map((unit) => [unit.id, unit]),
  );
  expect(acceptingSocket("imap@1-127.0.0.1:143-127.0.0.1:5.service", units)).toBe("imap.socket");
  expect(acceptingSocket("getty@tty1.service", units)).toBeNull();
  expect(acceptingSocket("imap.service", units)).toBeNull();
});
