import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Finding } from "../../lab/rules/findings";
import { type Run, root, runProgram } from "../e2e/lab";

const folders: string[] = [];
afterEach(() => {
    for (const folder of folders.splice(0)) {
        rmSync(folder, { recursive: true });
    }
});

/** A lab about which no rule has anything to say. */
const quiet = {
    linkPools: ["10.9.0.0/16", "fd00:9::/48"],
    nodeTimers: { holdTime: 9, keepalive: 3, connectRetry: 5 },
    gracefulRestartTime: 9,
    importFilter: [
        { prefix: "10.254.0.0/24", le: 32 },
        { prefix: "fd00:10:254::/64", le: 128 },
    ],
};

/** A folder with stack files, each with the quiet lab and what differs from it, or with a text. */
function project(stacks: Readonly<Record<string, object | string>>, policies?: unknown): string {
    const folder = mkdtempSync(join(tmpdir(), "bgp-lab-validate-"));
    folders.push(folder);
    for (const [stack, lab] of Object.entries(stacks)) {
        const text = typeof lab === "string" ? lab : stringify({ config: { "bgp-lab:lab": { ...quiet, ...lab } } });
        writeFileSync(join(folder, `Pulumi.${stack}.yaml`), text);
    }
    if (policies !== undefined) {
        mkdirSync(join(folder, "policy"));
        writeFileSync(join(folder, "policy/config.json"), JSON.stringify(policies));
    }
    return folder;
}

/** No Pulumi, no state and no Docker: there are only the files. */
function validate(folder: string, ...args: string[]): Promise<Run> {
    const env = { PATH: process.env.PATH, HOME: "/nonexistent", DOCKER_HOST: "unix:///nonexistent.sock" };
    return runProgram(process.execPath, [join(root, "scripts/run.cjs"), "validate", ...args], { cwd: folder, env });
}

async function findings(folder: string, ...args: string[]): Promise<Readonly<Record<string, readonly Finding[]>>> {
    const { stdout } = await validate(folder, "--json", ...args);
    const all = JSON.parse(stdout) as readonly { readonly stack: string; readonly findings: readonly Finding[] }[];
    return Object.fromEntries(all.map((each) => [each.stack, each.findings]));
}

describe("validate", () => {
    it("says that shipped stacks have no errors", async () => {
        const { code, stdout, stderr } = await validate(root);
        expect(`${code}${stderr}`).toBe("0");
        expect(stdout).toMatch(/^stack leaf-spine: \d+ warnings/m);
        expect(stdout).toMatch(/^\d+ stacks: \d+ warnings/m);
    });

    it("asks about every stack, or about those that are named, and ends with 1 when one has an error", async () => {
        const folder = project({ good: {}, wrong: { routerAsn: 65535 }, other: { routerAsn: 500 } });
        const all = await validate(folder);
        expect(all.code).toBe(1);
        expect(all.stdout).toContain(
            [
                "stack good: nothing to say",
                "",
                "stack other: 1 warning",
                "",
                "warning BGP-ASN-002  bgp-lab:lab.routerAsn",
                "  router0 has AS 500, which is public and may be another network's",
            ].join("\n"),
        );
        expect(all.stdout).toMatch(/^error BGP-ASN-001 {2}bgp-lab:lab\.routerAsn$/m);
        expect(all.stdout).toMatch(/\n3 stacks: 1 error, 1 warning\n$/);
        const two = await validate(folder, "--stack=good", "--stack=other");
        expect([two.code, two.stdout.includes("stack wrong")]).toEqual([0, false]);
    });

    it("asks for what an organisation wants, and tells by which key a person changes it", async () => {
        const policies = {
            "allowed-asns": { ranges: ["65000-65003"] },
            "forbidden-prefixes": { enforcementLevel: "advisory", prefixes: { "10.254.0.0/16": "a neighbor" } },
            "hold-time": { enforcementLevel: "disabled", minimum: 100 },
        };
        const folder = project({ dev: {} }, policies);
        const found = (await findings(folder)).dev?.map(({ id, severity, at }) => [id, severity, at]);
        expect(found).toEqual([
            ["ORG-ASN-001", "error", "bgp-lab:lab.nodeAsn"],
            ["ORG-ADR-002", "warning", "bgp-lab:lab.pools[0].blocks[0]"],
        ]);
        expect((await validate(folder)).code).toBe(1);
    });

    it("takes another configuration of policies by name", async () => {
        const folder = project({ dev: {} }, { "allowed-asns": { ranges: [1] } });
        writeFileSync(join(folder, "other.json"), "{}");
        expect(await findings(folder, "--policy-config", "other.json")).toEqual({ dev: [] });
    });

    it("enforces advice as the configuration wants it, but does not weaken errors: the program refuses them anyway", async () => {
        const stacks = { public: { routerAsn: 500 }, reserved: { routerAsn: 65535 } };
        const severities = async (policies: object) =>
            Object.values(await findings(project(stacks, policies)))
                .flat()
                .map(({ id, severity }) => `${id} ${severity}`);
        expect(await severities({})).toEqual(["BGP-ASN-002 warning", "BGP-ASN-001 error"]);
        expect(await severities({ "as-numbers-advice": "mandatory" })).toEqual([
            "BGP-ASN-002 error",
            "BGP-ASN-001 error",
        ]);
        expect(await severities({ all: "disabled" })).toEqual(["BGP-ASN-001 error"]);
        expect(await severities({ all: "disabled", "as-numbers-advice": "advisory" })).toEqual([
            "BGP-ASN-002 warning",
            "BGP-ASN-001 error",
        ]);
    });

    it("tells a file that is not YAML with its place, and goes on with the others", async () => {
        const folder = project({ broken: "config:\n  bgp-lab:lab: {workers: 3\n", wrong: { routerAsn: 65535 } });
        const found = await findings(folder);
        expect(found.broken).toEqual([
            expect.objectContaining({ id: "CFG-015", severity: "error", at: "Pulumi.broken.yaml" }),
        ]);
        expect(found.broken?.[0]?.says).toMatch(/at line \d+, column \d+/);
        expect(found.wrong?.map(({ id }) => id)).toEqual(["BGP-ASN-001"]);
    });

    it.each([
        ["refers to an anchor that there is not", "config:\n  bgp-lab:lab: *workers\n", /anchor/],
        ["has a list as its configuration", "config:\n  - bgp-lab:topology: x\n", /config is not a mapping/],
        ["is no mapping", "topology leaf-spine\n", /the file is not a mapping/],
    ])("tells a file that %s, and goes on with the others", async (_, text, says) => {
        const found = await findings(project({ broken: text, wrong: { routerAsn: 65535 } }));
        expect(found.broken).toEqual([
            expect.objectContaining({ id: "CFG-015", at: "Pulumi.broken.yaml", says: expect.stringMatching(says) }),
        ]);
        expect(found.wrong?.map(({ id }) => id)).toEqual(["BGP-ASN-001"]);
    });

    it("takes an empty configuration of policies as one that says nothing", async () => {
        const folder = project({ dev: {} }, { "allowed-asns": { ranges: [1] } });
        writeFileSync(join(folder, "other.json"), "\n");
        expect(await findings(folder, "--policy-config", "other.json")).toEqual({ dev: [] });
    });

    it("reads a lab that was set as JSON on a command line as the program does", async () => {
        const json = JSON.stringify({ ...quiet, routerAsn: 65535 });
        const found = await findings(project({ dev: stringify({ config: { "bgp-lab:lab": json } }) }));
        expect(found.dev?.map(({ id, at }) => [id, at])).toEqual([["BGP-ASN-001", "bgp-lab:lab.routerAsn"]]);
    });

    it("tells values of a wrong form beside what the rules say of the rest", async () => {
        const folder = project({ dev: { workers: "three", routerAsn: 65535 } });
        const ids = (await findings(folder)).dev?.map(({ id }) => id);
        expect(ids).toEqual([expect.stringMatching(/^CFG-/), "BGP-ASN-001"]);
    });

    it.each([
        ["a stack without a file", ["--stack=none"], "there is no Pulumi.none.yaml"],
        ["an option that there is not", ["--strict"], "--strict"],
    ])("ends with 2 for %s", async (_, args, message) => {
        const { code, stdout, stderr } = await validate(project({ dev: {} }), ...args);
        expect([code, stdout]).toEqual([2, ""]);
        expect(stderr).toContain(message);
    });

    it.each([
        ["is not there", "none.json", "none.json: there is no such file"],
        ["is a folder", "policy", "policy: it is a folder"],
        ["is not JSON", "comma.json", "comma.json:3:1: not JSON: Expected double-quoted property name in JSON"],
        ["breaks off", "open.json", "open.json: not JSON: Unexpected end of JSON input"],
        ["has a text without quotes", "words.json", "words.json: not JSON: Unexpected token 'a'"],
    ])("ends with 2 and one error for a configuration that %s", async (_, file, message) => {
        const folder = project({ dev: {} }, {});
        writeFileSync(join(folder, "comma.json"), '{\n    "all": "advisory",\n}\n');
        writeFileSync(join(folder, "open.json"), '{ "all":');
        writeFileSync(join(folder, "words.json"), '{\n    "all": advisory\n}\n');
        const { code, stdout, stderr } = await validate(folder, "--policy-config", file);
        const [says, fix, ...rest] = stderr.trim().split("\n");
        expect([code, stdout, rest]).toEqual([2, "", []]);
        expect(says).toContain(message);
        expect(fix).toMatch(/^ {2}fix: \w/);
    });

    it("ends with 2 for wrong parameters, each with its place and the fix", async () => {
        const policies = { "allowed-asns": { ranges: ["65534-64512", 1.1] }, "hold-times": {}, "as-numbers": "strict" };
        const { code, stderr } = await validate(project({ dev: {} }, policies));
        expect(code).toBe(2);
        expect(stderr.trim().split("\n")).toEqual([
            'policy/config.json: allowed-asns.ranges[0]: "65534-64512" ends before it begins',
            '  fix: write "64512-65534"',
            expect.stringContaining("policy/config.json: allowed-asns.ranges[1]: 1.1 has a fraction"),
            expect.stringContaining("  fix: quote it"),
            "policy/config.json: hold-times: there is no policy of this name",
            "  fix: use hold-time, or remove it",
            'policy/config.json: as-numbers: "strict" is no enforcement level',
            "  fix: use advisory, mandatory, remediate, disabled",
        ]);
    });
});
