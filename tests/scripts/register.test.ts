import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(__dirname, "../..");

function run(program: string): string {
    return execFileSync(process.execPath, ["-r", "./scripts/register.cjs", "-e", program], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
    }).trim();
}

const loaded = (name: string) => `Object.keys(require.cache).some((file) => file.includes("/node_modules/${name}/"))`;

describe("the program's preload", () => {
    it("leaves the TypeScript compiler and npm's package tree alone until the SDK uses them", () => {
        const program = `require("@pulumi/pulumi"); console.log(${loaded("typescript")}, ${loaded("@npmcli/arborist")});`;
        expect(run(program)).toBe("false false");
    });

    it("gives them to the SDK when it does: functions are serialized and packages found", () => {
        const program = `
            const { runtime } = require("@pulumi/pulumi");
            const answer = 42;
            Promise.all([runtime.serializeFunction(() => answer), runtime.computeCodePaths()]).then(([code, paths]) =>
                console.log(code.text.includes("return answer") || code.text.includes("=> answer"), paths.size > 0),
            );`;
        expect(run(program)).toBe("true true");
    });
});
