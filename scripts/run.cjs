// Runs a project command, e.g. `node scripts/run.cjs verify --json`.
"use strict";
require("./lean-dockerode.cjs");
require(require("./bundle.cjs").bundle("commands"));
