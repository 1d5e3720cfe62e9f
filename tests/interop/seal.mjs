// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Makes age files with npm age-encryption for ours to open.
//
// stdin: a JSON list of {"recipients": ["age1…"], "plaintext": base64}; no recipients: a fresh hybrid and a fresh X25519
// identity are made and sealed to, one file each. With "armor": true the file is text.
// stdout: a JSON list of {"file": base64, "identity": "AGE-SECRET-KEY-…" or ""}.

import { armor as armoring, Encrypter, generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import { readAll, writeAll } from "./json.mjs";

async function seal(recipients, plaintext, armor = false) {
  const encrypter = new Encrypter();
  for (const recipient of recipients) {
    encrypter.addRecipient(recipient);
  }
  const file = await encrypter.encrypt(Buffer.from(plaintext, "base64"));
  return Buffer.from(armor ? armoring.encode(file) : file).toString("base64");
}

const answers = [];
for (const { recipients, plaintext, armor } of await readAll()) {
  if (recipients.length > 0) {
    answers.push({ file: await seal(recipients, plaintext, armor), identity: "" });
    continue;
  }
  for (const identity of [await generateHybridIdentity(), await generateX25519Identity()]) {
    answers.push({ file: await seal([await identityToRecipient(identity)], plaintext), identity });
  }
}
writeAll(answers);
