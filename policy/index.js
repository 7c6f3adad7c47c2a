// Pulumi reads every resource anew for each policy, so how a resource is read decides how long a preview takes.
require("../scripts/fast-struct.cjs").accelerate(require("google-protobuf/google/protobuf/struct_pb"));
// Bundled on demand like the program, so that Pulumi starts it without compiling TypeScript.
require(require("../scripts/bundle.cjs").bundleFile(require.resolve("./pack.ts")));
