import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { makeProject, type TestProject } from "./harness";

const projects: TestProject[] = [];
afterEach(() => {
    for (const project of projects.splice(0)) {
        project.remove();
    }
});

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

function project(): TestProject {
    const made = makeProject();
    projects.push(made);
    const folder = join(made.directory, "rules");
    mkdirSync(folder);
    symlinkSync(resolve(__dirname, "../../node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "PulumiPolicy.yaml"), "runtime: nodejs\nmain: index.js\n");
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "rules", version: "0.0.1", main: "index.js" }));
    writeFileSync(join(folder, "index.js"), pack);
    return made;
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
        expect(ended.stdout).toContain("no policy pack at");
        expect(ended.stdout).toContain("nowhere: there is no PulumiPolicy.yaml");
    });
});
