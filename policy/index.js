// How a resource is read decides how long a preview takes, and what packages load at every start how long the pack takes to
// start: the program's own preload sees to both.
require("../scripts/register.cjs");
// Bundled on demand like the program, so that Pulumi starts it without compiling TypeScript.
require(require("../scripts/bundle.cjs").bundleFile(require.resolve("./pack.ts")));
