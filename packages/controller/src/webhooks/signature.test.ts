import { expect, test } from "vitest";
import { secretOf, webhookHeaders } from "./signature.ts";

test("the example of the specification's libraries", () => {
  const secret = secretOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
  const told = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at: 1_614_265_330_000, body: '{"test": 2432232314}' };
  expect(secret && webhookHeaders(told, [secret])).toEqual({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test.each([
  ["without its prefix", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
  ["too short", "whsec_MfKQ9r8GKYqrTwjUPD8I"],
  ["too long", `whsec_${Buffer.alloc(65).toString("base64")}`],
  ["no base64", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2Lä!!LaLaSw"],
  ["two lines", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nMfKQ"],
])("a secret that is none: %s", (_name, text) => expect(secretOf(text)).toBeNull());
