import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { publishedCli, type TestProject, useProjects } from "./harness";

const makeProject = useProjects();

const pack = `
const { PolicyPack } = require("@pulumi/policy");
new PolicyPack("rules", { policies: [
    {
        name: "no-moon", description: "The moon is not allowed.", enforcementLevel: "mandatory",
        validateResource: (args, report) => { if (args.props.value === "moon") report("value must not be the moon"); },
    },
    {
        name: "short", description: "Names are short.", enforcementLevel: "advisory",
        validateResource: (args, report) => { if (args.name.length > 5) report("name is long"); },
    },
    {
        name: "few", description: "Few things.", enforcementLevel: "mandatory",
        validateStack: (args, report) => {
            const things = args.resources.filter((r) => r.type === "testbed:index:Thing");
            if (things.length > 2) report(things.length + " things are too many");
        },
    },
] });
`;

function addPack(target: TestProject, name: string, code: string): void {
    const folder = join(target.directory, name);
    mkdirSync(folder);
    symlinkSync(resolve(__dirname, "../../node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "PulumiPolicy.yaml"), "runtime: nodejs\nmain: index.js\n");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version: "0.0.1", main: "index.js" }));
    writeFileSync(join(folder, "index.js"), code);
}

function project(): TestProject {
    const made = makeProject();
    addPack(made, "rules", pack);
    return made;
}

/** A pack that tells, for each thing, the configuration of its policies as they see it. */
const telling = (name: string) => `
const { PolicyPack } = require("@pulumi/policy");
const tell = (args, report) => { if (args.type === "testbed:index:Thing") report(JSON.stringify(args.getConfig())); };
new PolicyPack("${name}", { policies: [
    {
        name: "words", description: "${name} words", enforcementLevel: "advisory", validateResource: tell,
        configSchema: {
            properties: {
                list: { type: "array", items: { type: "string" }, default: ["moon"] },
                most: { type: "integer", minimum: 1 },
                kind: { enum: ["near", "far"] },
            },
            required: ["most"],
        },
    },
    { name: "plain", description: "${name} plain", enforcementLevel: "advisory", validateResource: tell },
] }, { words: { enforcementLevel: "advisory", most: 7 } });
`;

const oneThing = { resources: [{ name: "a", inputs: { value: "x" } }] };

/** What policies said, one line each: pack, policy, level, and what follows the description. */
function said(output: string): string[] {
    const found = output.matchAll(/(error|warning): \[(\w+) [\d.]+: (\w+)\] .*\n\s*(\{.*\})/g);
    return [...found].map(([, level, name, policy, text]) => `${level} ${name} ${policy} ${text}`);
}

const preview = ["preview", "--policy-pack", "rules"] as const;
const up = ["up", "--yes", "--skip-preview", "--policy-pack", "rules"] as const;

describe("a policy pack", { timeout: 60_000 }, () => {
    it("that is violated fails a preview, which shows all violations, each with its resource", async () => {
        const target = project();
        target.write({
            resources: [
                { name: "a", inputs: { value: "moon" } },
                { name: "b", inputs: { value: "moon" } },
                { name: "long-name", inputs: {} },
            ],
        });
        const ended = await target.engine(...preview);
        expect(ended.code, ended.all).toBe(1);
        expect(ended.stdout).toContain("testbed:index:Thing (a):\n    error: [rules 0.0.1: no-moon]");
        expect(ended.stdout).toContain("testbed:index:Thing (b):\n    error: [rules 0.0.1: no-moon]");
        expect(ended.stdout).toContain("testbed:index:Thing (long-name):\n    warning: [rules 0.0.1: short]");
        expect(ended.stdout).toContain("3 things are too many");
    });

    it("that is violated keeps an update from creating the resource", async () => {
        const target = project();
        target.write({ resources: [{ name: "a", inputs: { value: "moon" } }] });
        const ended = await target.engine(...up);
        expect(ended.code, ended.all).toBe(1);
        expect(target.things()).toEqual([]);
    });

    it("that only advises lets an update pass, and is heard", async () => {
        const target = project();
        target.write({ resources: [{ name: "long-name", inputs: {} }] });
        const ended = await target.engine(...up);
        expect(ended.code, ended.all).toBe(0);
        expect(ended.stdout).toContain("warning: [rules 0.0.1: short]");
        expect(target.things()).toEqual(["long-name-0"]);
    });

    it("that is not there fails the run, which names the folder", async () => {
        const target = project();
        target.write({ resources: [{ name: "a", inputs: {} }] });
        const ended = await target.engine("preview", "--policy-pack", "nowhere");
        expect(ended.code, ended.all).toBe(1);
        expect(ended.stderr).toContain("no policy pack at");
        expect(ended.stderr).toContain("nowhere: there is no PulumiPolicy.yaml");
    });

    it("that reads what is not known yet warns in a preview instead of judging, and judges in the update", async () => {
        const target = project();
        target.write({
            resources: [
                { name: "a", inputs: {} },
                { name: "b", inputs: { value: "$a.serial" } },
            ],
        });
        writeFileSync(join(target.directory, "rules/index.js"), pack.replaceAll('=== "moon"', "=== 1"));
        const seen = await target.engine(...preview);
        expect(seen.code, seen.all).toBe(0);
        expect(seen.stdout).toMatch(
            /testbed:index:Thing \(b\):\n\s+warning: \[rules 0.0.1: no-moon\] can't run policy 'no-moon' .* during preview: string value at \.value can't be known/,
        );
        expect(seen.stdout).not.toContain("testbed:index:Thing (a):");
        const ended = await target.engine(...up);
        expect(ended.code, ended.all).toBe(1);
        expect(ended.stdout).toContain("testbed:index:Thing (b):\n    error: [rules 0.0.1: no-moon]");
        expect(target.things()).toEqual(["a-0"]);
    });
});

/** Configurations and what must come of them, on this engine and on the published CLI alike. */
const configurations: readonly {
    readonly claim: string;
    readonly config: string;
    readonly code: number;
    /** What policies say, in any order. */
    readonly says?: readonly string[];
    /** Parts of what the run says instead. */
    readonly refuses?: readonly string[];
}[] = [
    {
        claim: "that says nothing leaves defaults and what the pack brings along",
        config: "{}",
        code: 0,
        says: ['warning rules words {"list":["moon"],"most":7}', "warning rules plain {}"],
    },
    {
        claim: "that is an empty file says nothing",
        config: " \n",
        code: 0,
        says: ['warning rules words {"list":["moon"],"most":7}', "warning rules plain {}"],
    },
    {
        claim: "sets levels, as text or in an object, and parameters over defaults",
        config: '{ "plain": "mandatory", "words": { "enforcementLevel": "advisory", "list": [], "most": 2, "own": {"x": [1]} } }',
        code: 1,
        says: ['warning rules words {"list":[],"most":2,"own":{"x":[1]}}', "error rules plain {}"],
    },
    {
        claim: "for all policies gives way to that of one",
        config: '{ "all": "mandatory", "plain": { "enforcementLevel": "disabled" } }',
        code: 1,
        says: ['error rules words {"list":["moon"],"most":7}'],
    },
    {
        claim: "with the level remediate of a policy that only validates is mandatory",
        config: '{ "plain": "remediate", "words": "disabled" }',
        code: 1,
        says: ["error rules plain {}"],
    },
    {
        claim: "may give a level to a policy that the pack does not have",
        config: '{ "other": "mandatory", "words": "disabled", "plain": "disabled" }',
        code: 0,
        says: [],
    },
    {
        claim: "may not give parameters to a policy that the pack does not have",
        config: '{ "other": { "most": 3 } }',
        code: 1,
        refuses: [],
    },
    {
        claim: "with wrong parameters is refused for each of them",
        config: '{ "words": { "list": ["x", 1, null], "most": 0, "kind": "up" } }',
        code: 1,
        refuses: [
            "rules 0.0.1  words: list.1: Invalid type. Expected: string, given: integer",
            "rules 0.0.1  words: list.2: Invalid type. Expected: string, given: null",
            "rules 0.0.1  words: most: Must be greater than or equal to 1",
            'rules 0.0.1  words: kind: kind must be one of the following: "near", "far"',
        ],
    },
    {
        claim: "with a level that there is not is refused",
        config: '{ "plain": "strict" }',
        code: 1,
        refuses: ['parsing enforcement level for "plain": "strict" is not a valid enforcement level'],
    },
    {
        claim: "with a level that is no text is refused",
        config: '{ "plain": { "enforcementLevel": 1 } }',
        code: 1,
        refuses: ['parsing enforcement level for "plain": 1 is not a valid enforcement level; must be a string'],
    },
    {
        claim: "with a policy that is neither a level nor an object is refused",
        config: '{ "plain": true }',
        code: 1,
        refuses: ['parsing "plain": true is not a valid value; must be a string or object'],
    },
];

describe("configuration of a policy pack", { timeout: 60_000 }, () => {
    function configured(config: string): TestProject {
        const target = makeProject();
        addPack(target, "rules", telling("rules"));
        target.write(oneThing);
        writeFileSync(join(target.directory, "for-rules.json"), config);
        return target;
    }
    const flags = ["--policy-pack", "rules", "--policy-pack-config", "for-rules.json"] as const;

    it.each(configurations)("$claim", async ({ config, code, says, refuses }) => {
        const ended = await configured(config).engine("preview", ...flags);
        expect(ended.code, ended.all).toBe(code);
        expect(said(ended.stdout).sort()).toEqual([...(says ?? [])].sort());
        for (const part of refuses ?? []) {
            expect(ended.stderr).toContain(part);
        }
        if (refuses !== undefined) {
            expect(ended.stderr).toContain("for-rules.json");
            expect(ended.stdout, "nothing is planned").not.toContain("testbed:index:Thing");
        }
    });

    it("belongs to the pack at the same place in the list, whether by commas or by repetition", async () => {
        const target = configured('{ "plain": "disabled" }');
        addPack(target, "others", telling("others"));
        writeFileSync(join(target.directory, "for-others.json"), '{ "words": { "most": 3 }, "plain": "disabled" }');
        const byCommas = ["--policy-pack", "rules,others", "--policy-pack-config", "for-rules.json,for-others.json"];
        const repeated = [...flags, "--policy-pack=others", "--policy-pack-config=for-others.json"];
        for (const given of [byCommas, repeated]) {
            const ended = await target.engine("preview", ...given);
            expect(said(ended.stdout).sort(), ended.all).toEqual([
                'warning others words {"list":["moon"],"most":3}',
                'warning rules words {"list":["moon"],"most":7}',
            ]);
        }
    });

    it("is given for every pack or for none, to packs only, and is there", async () => {
        const target = configured("{}");
        const cases = [
            [["--policy-pack", "rules,rules", "--policy-pack-config", "for-rules.json"], "must match the number of"],
            [["--policy-pack-config", "for-rules.json"], 'must be specified with "--policy-pack"'],
            [["--policy-pack", "rules", "--policy-pack-config", "none.json"], "none.json: ENOENT"],
        ] as const;
        for (const [given, message] of cases) {
            const ended = await target.engine("preview", ...given);
            expect(ended.code, ended.all).toBe(1);
            expect(ended.stderr).toContain(message);
        }
    });
});

if (publishedCli() === undefined) {
    console.warn("configuration of policy packs is NOT compared with the published Pulumi CLI: none on PATH");
}

describe.skipIf(publishedCli() === undefined)("parity of policy packs with the published CLI", () => {
    /** The CLI's lines of violations: `- [mandatory]  plain  (testbed:index:Thing: a)`, description, text. */
    function saidByCli(output: string): string[] {
        const found = output.matchAll(/- \[(\w+)\]\s+(\w+)\s+\(testbed.*\n.*\n\s*(\{.*\})/g);
        return [...found].map(
            ([, level, policy, text]) => `${level === "mandatory" ? "error" : "warning"} rules ${policy} ${text}`,
        );
    }

    it("a policy that reads what is not known yet warns in a preview", { timeout: 60_000 }, async () => {
        const target = project();
        target.write({
            resources: [
                { name: "a", inputs: {} },
                { name: "b", inputs: { value: "$a.serial" } },
            ],
        });
        const ended = await target.cli(...preview);
        expect(ended.code, ended.all).toBe(0);
        expect(ended.stdout).toMatch(
            /\[advisory\] {2}no-moon {2}\(testbed:index:Thing: b\)\n.*\n?\s+can't run policy 'no-moon' .* during preview: string value at \.value can't be known/,
        );
    });

    it.each(configurations)("a configuration $claim", { timeout: 60_000 }, async ({ config, code, says, refuses }) => {
        const target = makeProject();
        addPack(target, "rules", telling("rules"));
        target.write(oneThing);
        writeFileSync(join(target.directory, "for-rules.json"), config);
        const ended = await target.cli("preview", "--policy-pack", "rules", "--policy-pack-config", "for-rules.json");
        expect(ended.code, ended.all).toBe(code);
        expect(saidByCli(ended.stdout).sort(), ended.all).toEqual([...(says ?? [])].sort());
        for (const part of refuses ?? []) {
            expect(ended.all).toContain(part);
        }
    });
});
