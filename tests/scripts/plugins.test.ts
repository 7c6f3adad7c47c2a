import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root, runProgram } from "../e2e/lab";

const variable = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION";

describe("scripts/pulumi.sh with the published CLI", () => {
    let folder = "";

    /** A CLI that only tells what it was told about fetching plugins. */
    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "bgp-lab-plugins-"));
        mkdirSync(join(folder, "bin"));
        writeFileSync(join(folder, "bin/pulumi"), `#!/bin/sh\necho "$1 \${${variable}-unset}"\n`);
        chmodSync(join(folder, "bin/pulumi"), 0o755);
    });

    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    /** What the CLI gets to see, with the variable set to something, or not. */
    async function seen(args: readonly string[], set?: string): Promise<string> {
        const { [variable]: _, ...rest } = process.env;
        const { stdout, stderr, code } = await runProgram(join(root, "scripts/pulumi.sh"), [...args], {
            cwd: folder,
            env: {
                ...rest,
                ...(set === undefined ? {} : { [variable]: set }),
                PATH: [join(folder, "bin"), process.env.PATH].join(delimiter),
                BGP_LAB_ENGINE: "published",
                PULUMI_CONFIG_PASSPHRASE: "test",
            },
        });
        expect(`${code} ${stderr}`).toBe("0 ");
        return stdout.trim();
    }

    it.each(["preview", "up", "refresh", "destroy"])(
        "lets %s fetch the plugins of a stack in Docker only",
        async (verb) => {
            expect(await seen([verb, "--stack=single-frr"])).toBe(`${verb} unset`);
            expect(await seen([verb, "--stack=dev"])).toBe(`${verb} true`);
            expect(await seen([verb, "--stack", "a-stack-without-a-file"])).toBe(`${verb} true`);
        },
    );

    it("does as the user says where the user has said something", async () => {
        expect(await seen(["up", "--stack=single-frr"], "true")).toBe("up true");
        expect(await seen(["up", "--stack=dev"], "false")).toBe("up false");
    });

    it.each([
        ["docker", "config:\n  bgp-lab:runtime: docker\n"],
        ["docker", 'config:\n  "bgp-lab:runtime": "docker" # real\n'],
        ["netns", "config:\n  bgp-lab:runtime: netns\n"],
        ["netns", "config:\n  # bgp-lab:runtime: docker\n"],
        ["netns", "config:\n  bgp-lab:runtime: dockerish\n"],
    ])("sees the runtime %s in %j", async (runtime, text) => {
        const file = join(folder, "stack.yaml");
        writeFileSync(file, text);
        const expected = runtime === "docker" ? "up unset" : "up true";
        expect(await seen(["up", "--stack=dev", "--config-file", file])).toBe(expected);
        expect(await seen(["up", "--stack=dev", `--config-file=${file}`])).toBe(expected);
    });
});

describe("scripts/setup.sh", () => {
    it.each([
        ["single-frr", false],
        ["dev", true],
    ])("with the stack %s asks for the daemons of the machine: %s", async (STACK, asks) => {
        // A node that answers "a-daemon" when it is asked what is missing, and passes everything else on.
        const folder = mkdtempSync(join(tmpdir(), "bgp-lab-setup-"));
        try {
            const real = process.execPath;
            const asked = '[ "$1" != scripts/run.cjs ] || { echo a-daemon; exit; }';
            writeFileSync(join(folder, "node"), `#!/bin/sh\n${asked}\nexec ${real} "$@"\n`);
            writeFileSync(join(folder, "id"), "#!/bin/sh\necho 1000\n");
            chmodSync(join(folder, "node"), 0o755);
            chmodSync(join(folder, "id"), 0o755);
            const { code, stderr } = await runProgram(join(root, "scripts/setup.sh"), [], {
                cwd: root,
                env: { ...process.env, STACK, PATH: [folder, process.env.PATH].join(delimiter) },
            });
            expect(code).toBe(asks ? 1 : 0);
            expect(stderr.includes("a-daemon")).toBe(asks);
        } finally {
            rmSync(folder, { recursive: true, force: true });
        }
    });
});
