// Preloaded by what speaks to a Docker engine. dockerode loads its ways over SSH and to BuildKit and what packs archives
// at every start, which takes three times as long as all the rest of it.
"use strict";
const { substitute, whenUsed } = require("./when-used.cjs");

substitute({
    dockerode: { "./session": whenUsed, "tar-fs": whenUsed, "@balena/dockerignore": whenUsed },
    "docker-modem": { "./ssh": whenUsed },
});
