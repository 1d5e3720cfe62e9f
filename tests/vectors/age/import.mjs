// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Writes the vectors of npm cctv-age that are in scope, one file each, byte for byte as published:
//
//     node tests/vectors/age/import.mjs [FOLDER]        (after `npm ci` in tests/interop; FOLDER is this one by default)
//     node tests/vectors/age/import.mjs FOLDER armor    those with ASCII armor, for ../armor
//
// Out of the envelope's scope are ASCII armor and passphrase recipients, which Dengwen refuses (spec A1); armor around what a
// source sealed is read (spec A10). The counts are asserted, so a new release of the package cannot add or drop a vector unseen.

import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const PUBLISHED = 143;
const ARMORED = 33;
const IN_SCOPE = 85;

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? here;
const armored = process.argv[3] === "armor";
const packages = createRequire(join(here, "..", "..", "interop", "package.json"));
const vectors = { ...(await import(pathToFileURL(packages.resolve("cctv-age")).href)) };

const names = Object.keys(vectors);
const chosen = names.filter((name) => (armored ? /^armor/.test(name) : !/^(armor|scrypt)/.test(name)));
const expected = armored ? ARMORED : IN_SCOPE;
if (names.length !== PUBLISHED || chosen.length !== expected) {
  throw new Error(`${names.length} vectors, ${chosen.length} in scope; expected ${PUBLISHED} and ${expected}`);
}

// A vector's name has no dot; everything else in the folder does.
for (const old of readdirSync(folder)) {
  if (!old.includes(".")) {
    rmSync(join(folder, old));
  }
}
for (const name of chosen) {
  writeFileSync(join(folder, name), vectors[name]);
}
console.log(`${chosen.length} vectors written`);
