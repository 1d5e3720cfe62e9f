// SPDX-License-Identifier: AGPL-3.0-or-later
//
// One JSON value in on stdin, one out on stdout: how the tests talk to the scripts here.

import { readFileSync, writeFileSync } from "node:fs";

export function readAll() {
  return JSON.parse(readFileSync(0, "utf8"));
}

export function writeAll(value) {
  writeFileSync(1, JSON.stringify(value));
}
