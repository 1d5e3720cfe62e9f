// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Opens age files with npm age-encryption, which shares no code with ours.
//
// stdin: a JSON list of {"identity": "AGE-SECRET-KEY-…", "file": base64}.
// stdout: a JSON list, in the same order, of {"plaintext": base64, "recipient": "age1…"} or {"error": text}.

import { Decrypter, identityToRecipient } from "age-encryption";
import { readAll, writeAll } from "./json.mjs";

async function open({ identity, file }) {
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(identity);
    const plaintext = await decrypter.decrypt(Buffer.from(file, "base64"));
    return { plaintext: Buffer.from(plaintext).toString("base64"), recipient: await identityToRecipient(identity) };
  } catch (error) {
    return { error: String(error) };
  }
}

const answers = [];
for (const one of await readAll()) {
  answers.push(await open(one));
}
writeAll(answers);
