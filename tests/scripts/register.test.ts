import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(__dirname, "../..");

function run(program: string, env: NodeJS.ProcessEnv = {}): string {
    return execFileSync(process.execPath, ["-r", "./scripts/register.cjs", "-e", program], {
        cwd: root,
        env: { ...process.env, ...env },
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

    it("leaves zod's languages alone but for the one of its messages, until somebody asks for another", () => {
        const program = `
            const z = require("zod");
            const german = () => Object.keys(require.cache).some((file) => file.endsWith("/locales/de.cjs"));
            const before = german();
            const english = z.string().safeParse(1).error.issues[0].message;
            z.config(z.locales.de());
            console.log(before, english === z.string().safeParse(1).error.issues[0].message, german());`;
        expect(run(program)).toBe("false false true");
    });

    it("keeps the SDK's debug messages from the engine, and no others, unless they are asked for", () => {
        const program = `
            const { log } = require("@pulumi/pulumi");
            require("@pulumi/pulumi/runtime/settings").excessiveDebugOutput = true;
            log.debug("a step");
            log.info("news");`;
        expect(run(program, { BGP_LAB_DEBUG: "" })).toBe("info: [runtime] news");
        expect(run(program, { BGP_LAB_DEBUG: "1" })).toBe("debug: [runtime] a step\ninfo: [runtime] news");
    });

    it("leaves the API for programs that run Pulumi alone, until one does", () => {
        const program = `
            const pulumi = require("@pulumi/pulumi");
            const automation = () => Object.keys(require.cache).some((file) => file.includes("/automation/"));
            const before = automation();
            console.log(before, typeof pulumi.automation.LocalWorkspace.createStack, automation());`;
        expect(run(program)).toBe("false function true");
    });

    it("spares the SDK the stack traces of its promises, unless leaks of them are looked for; errors keep theirs", () => {
        const program = `
            require("@pulumi/pulumi");
            const { debuggablePromise } = require("@pulumi/pulumi/runtime/debuggable");
            const promise = Promise.resolve();
            debuggablePromise(promise, "a promise");
            const lines = (error) => error.split("\\n").length > 1;
            console.log(lines(promise._debugStackTrace), lines(new Error().stack));`;
        expect(run(program)).toBe("false true");
        expect(run(program, { PULUMI_DEBUG_PROMISE_LEAKS: "1" })).toBe("true true");
    });
});
