// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Makes age files with npm age-encryption for ours to open.
//
// stdin: a JSON list of {"recipients": ["age1…"], "plaintext": base64}; no recipients: a fresh hybrid and a fresh X25519
// identity are made and sealed to, one file each.
// stdout: a JSON list of {"file": base64, "identity": "AGE-SECRET-KEY-…" or ""}.

import { Encrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import { readAll, writeAll } from "./json.mjs";

async function seal(recipients, plaintext) {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    encrypter.addRecipient(recipient);
  }
  return Buffer.from(await encrypter.encrypt(Buffer.from(plaintext, "base64"))).toString("base64");
}

const answers = [];
for (const { recipients, plaintext } of await readAll()) {
  if (recipients.length > 0) {
    answers.push({ file: await seal(recipients, plaintext), identity: "" });
    continue;
  }
  for (const identity of [await generateHybridIdentity(), await generateX25519Identity()]) {
    answers.push({ file: await seal([await identityToRecipient(identity)], plaintext), identity });
  }
}
writeAll(answers);
