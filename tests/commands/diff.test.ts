import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Review } from "../../review/review";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { type Run, root, runProgram } from "../e2e/lab";
import { type Checkout, newCheckout } from "./checkout";

interface Shown {
    readonly base: string;
    readonly notes: readonly string[];
    readonly reviews: readonly Review[];
}

/** Where the code has a value that a stack file may say as well. */
const defaults = "stacks/single-frr/parameters.ts";
const asnOf = (asn: number) => `routerAsn: asn.default(${asn})`;

const yaml = (lab: object, topology = "single-frr") =>
    JSON.stringify({ config: { "bgp-lab:topology": topology, "bgp-lab:lab": lab } });

/** Reviews by stack. */
function kinds({ stdout }: Run): Readonly<Record<string, string>> {
    return Object.fromEntries((JSON.parse(stdout) as Shown).reviews.map(({ stack, kind }) => [stack, kind]));
}

function notes({ stdout }: Run): string {
    return (JSON.parse(stdout) as Shown).notes.join("\n");
}

describe("diff against a commit", () => {
    let project: Checkout;
    /** A commit whose code has no command for its base to be described by. */
    let old = "";
    let base = "";

    beforeAll(async () => {
        project = await newCheckout();
        const stacks = (await project.git("ls-files", "Pulumi.*.yaml")).split("\n");
        for (const file of stacks.filter((name) => name !== "Pulumi.dev.yaml")) {
            project.remove(file);
        }
        project.remove("commands/revision.ts");
        old = await project.commit("older");
        await project.git("checkout", "--quiet", "HEAD~1", "--", "commands/revision.ts");
        base = await project.commit("base");
    });

    afterEach(async () => {
        expect(await project.leftovers()).toEqual([]);
        await project.git("checkout", "--quiet", "--force", "-B", "main", base);
        await project.git("clean", "--quiet", "-d", "--force");
    });

    afterAll(() => project.dispose());

    const diff = (...args: string[]) => project.run("diff", "--json", ...args);

    it("is nothing without a change", async () => {
        const run = await diff("--base=HEAD");
        expect([run.code, run.stderr, kinds(run), notes(run)]).toEqual([0, "", { dev: "unchanged" }, ""]);
    });

    it("sees a change that is not committed, of code as well as of stack files: the base is planned by its own", async () => {
        project.edit(defaults, asnOf(65000), asnOf(65010));
        const run = await diff("--base=HEAD");
        expect([run.code, kinds(run), notes(run)]).toEqual([0, { dev: "changed" }, ""]);
        const [review] = (JSON.parse(run.stdout) as Shown).reviews;
        expect(review!.sessions.length).toBe(8);
        const asns = review!.sessions[0]!.fields.filter(({ after }) => after === "65010");
        expect(asns.map(({ before }) => before)).toContain("65000");
    });

    it("plans the stack files of a base that cannot describe its labs with the present code, and says so", async () => {
        project.edit(defaults, asnOf(65000), asnOf(65010));
        project.write("Pulumi.dev.yaml", yaml({ workers: 2 }));
        const run = await diff(`--base=${old}`);
        expect([run.code, kinds(run)]).toEqual([0, { dev: "changed" }]);
        expect(notes(run)).toBe(
            `${old} cannot describe its labs yet: its stack files were planned by the present code, whose changes do not show.`,
        );
        const [review] = (JSON.parse(run.stdout) as Shown).reviews;
        expect(review!.sessions.map(({ kind }) => kind)).toEqual(["removed", "removed"]);
    });

    it("does the same with a base whose code fails, with the reason", async () => {
        project.edit(
            "commands/revision.ts",
            "const revisions",
            'throw new Error("broken on purpose"); const revisions',
        );
        await project.commit("broken");
        await project.git("checkout", "--quiet", "HEAD~1", "--", "commands/revision.ts");
        const run = await diff("--base=HEAD");
        expect([run.code, kinds(run)]).toEqual([0, { dev: "unchanged" }]);
        expect(notes(run)).toContain("HEAD cannot describe its labs (broken on purpose)");
    });

    it("shows stacks that come and go", async () => {
        project.write("Pulumi.more.yaml", yaml({ workers: 1 }));
        project.remove("Pulumi.dev.yaml");
        expect(kinds(await diff("--base=HEAD"))).toEqual({ dev: "removed", more: "new" });
    });

    it("ends with 1 when errors forbid a lab as it is now, and still says what would change", async () => {
        project.write("Pulumi.dev.yaml", yaml({ pools: [{ name: "default-pool", blocks: ["169.254.1.0/24"] }] }));
        const run = await diff("--base=HEAD");
        expect([run.code, kinds(run)]).toEqual([1, { dev: "refused" }]);
    });

    it("takes a stack file that is not YAML as a refused one, on either side", async () => {
        project.write("Pulumi.dev.yaml", "config: [");
        const broken = await diff("--base=HEAD");
        expect([broken.code, kinds(broken)]).toEqual([1, { dev: "refused" }]);
        await project.commit("broken");
        await project.git("checkout", "--quiet", base, "--", "Pulumi.dev.yaml");
        const repaired = await diff("--base=HEAD");
        expect([repaired.code, kinds(repaired), notes(repaired)]).toEqual([0, { dev: "repaired" }, ""]);
    });

    it("says that packages differ, and that the base has commits that would show as undone", async () => {
        const behind = await project.commit("behind");
        project.edit("package-lock.json", "{", "{ ");
        await project.commit("other packages");
        await project.git("checkout", "--quiet", "--detach", behind);
        const run = await diff("--base=main");
        expect(run.code).toBe(0);
        expect(notes(run)).toContain(
            "package-lock.json differs: the code of main ran with the packages of this checkout.",
        );
        expect(notes(run)).toContain("main has 1 commit that this checkout has not");
    });

    it("refuses what is no commit, and an option of git", async () => {
        for (const ref of ["nobody", "--all"]) {
            const { code, stdout, stderr } = await diff(`--base=${ref}`);
            expect([code, stdout]).toEqual([2, ""]);
            expect(stderr).toMatch(new RegExp(`^there is no commit ${ref} here; git fetch`));
        }
    });

    it("tells a shallow clone how to get the commit", async () => {
        const clone = join(project.folder, "build/clone");
        await project.git("clone", "--quiet", "--depth=1", `file://${project.folder}`, clone);
        const { code, stderr } = await runProgram(
            process.execPath,
            [join(project.folder, "scripts/run.cjs"), "diff", `--base=${old}`],
            { cwd: clone, env: project.env },
        );
        expect([code, stderr]).toEqual([2, expect.stringContaining("shallow: git fetch --depth=1 origin")]);
    });

    it("says that it needs a git checkout", async () => {
        const { code, stderr } = await runProgram(
            process.execPath,
            [join(project.folder, "scripts/run.cjs"), "diff", "--base=HEAD"],
            { cwd: project.temporary, env: project.env },
        );
        expect([code, stderr]).toEqual([2, expect.stringContaining("BASE needs a git checkout")]);
    });

    it("refuses a stack that neither side has, and two things to compare with", async () => {
        const nobody = await diff("--base=HEAD", "--stack=nobody");
        expect([nobody.code, nobody.stderr]).toEqual([
            2,
            expect.stringContaining("neither this checkout nor HEAD has"),
        ]);
        const both = await diff("--base=HEAD", "--state=-");
        expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("give one of them")]);
        expect((await diff("--bsae=HEAD")).code).toBe(2);
    });

    it("leaves nothing when it is interrupted", async () => {
        const child = spawn(process.execPath, ["scripts/run.cjs", "diff", "--base=HEAD"], {
            cwd: project.folder,
            env: project.env,
            stdio: "ignore",
        });
        const ended = new Promise((resolve) => child.once("close", resolve));
        await expect.poll(() => project.leftovers(), { timeout: 20_000, interval: 5 }).not.toEqual([]);
        child.kill("SIGINT");
        expect(await ended).toBe(130);
    });
});

describe("diff against what is deployed", () => {
    let project: Checkout;
    const model = planSingleFrr(schema.parse({ workers: 2 }));
    const lab = { model, runtime: "netns", verify: { deadline: 30 } };
    const urn = (type: string, name: string) => `urn:pulumi:dev::bgp-lab::${type}::${name}`;

    /** An exported state, or a preview's side of it, with a secret that nobody is to see. */
    const secret = "nobody-is-to-see-this";
    const state = JSON.stringify({
        version: 3,
        deployment: {
            resources: [
                { type: "bgplab:index:Lab", urn: urn("bgplab:index:Lab", "lab"), inputs: { ...lab, secret } },
                { type: "random:index:Password", urn: urn("random:index:Password", "p"), inputs: { secret } },
            ],
        },
    });

    beforeAll(async () => {
        project = await newCheckout();
        mkdirSync(join(project.folder, "build/bin"), { recursive: true });
        // A CLI that knows the state of one stack.
        writeFileSync(join(project.folder, "build/state.json"), state);
        writeFileSync(
            join(project.folder, "build/bin/pulumi"),
            `#!/bin/sh\n[ "$3" = --stack=dev ] && exec cat build/state.json\necho "error: no stack named '\${3#--stack=}' found" >&2\nexit 1\n`,
        );
        chmodSync(join(project.folder, "build/bin/pulumi"), 0o755);
    });

    afterAll(() => project.dispose());

    function diff(...args: string[]): Promise<Run> {
        return runProgram(process.execPath, ["scripts/run.cjs", "diff", ...args], {
            cwd: project.folder,
            env: {
                ...project.env,
                PATH: [join(project.folder, "build/bin"), process.env.PATH].join(delimiter),
                BGP_LAB_ENGINE: "published",
                PULUMI_CONFIG_PASSPHRASE: "test",
            },
        });
    }

    /** What takes two workers to the three of the stack file. */
    function expectThirdWorker({ code, stdout, stderr }: Run): void {
        expect([code, stderr]).toEqual([0, ""]);
        const [review] = (JSON.parse(stdout) as Shown).reviews;
        expect(review!.sessions.map(({ kind }) => kind)).toEqual(["added", "added"]);
        expect(review!.devices.filter(({ kind }) => kind === "added").map(({ role }) => role)).toEqual(["node"]);
        expect(stdout).not.toContain(secret);
    }

    it("reads the state of each stack, and says which have nothing deployed", async () => {
        const run = await diff("--json", "--stack=dev", "--stack=leaf-spine");
        expectThirdWorker(run);
        expect(notes(run)).toBe("Nothing is deployed of leaf-spine; make up STACK=leaf-spine would build all of it.");
    });

    it("takes findings that a deployed lab has as well as ones that stay", async () => {
        const [review] = (JSON.parse((await diff("--json", "--stack=dev")).stdout) as Shown).reviews;
        expect(review!.findings.kept).toBeGreaterThan(0);
        expect(review!.findings.gone.map(({ id, at }) => `${id} ${at}`)).toEqual([]);
    });

    it("reads an exported state from a file, of one stack", async () => {
        expectThirdWorker(await diff("--json", "--stack=dev", "--state=build/state.json"));
        const { code, stderr } = await diff("--state=build/state.json");
        expect([code, stderr]).toEqual([2, expect.stringContaining("about one stack")]);
    });

    it("compares the two sides of a preview, which says itself what it is of", async () => {
        const newModel = planSingleFrr(schema.parse({}));
        const step = {
            op: "update",
            urn: urn("bgplab:index:Lab", "lab"),
            oldState: { inputs: lab },
            newState: { inputs: { ...lab, model: newModel, secret } },
        };
        writeFileSync(join(project.folder, "build/preview.json"), JSON.stringify({ steps: [step], diagnostics: [] }));
        expectThirdWorker(await diff("--json", "--preview=build/preview.json"));
    });

    it.each([
        ["a new lab", "newState", "new"],
        ["a lab that goes", "oldState", "removed"],
    ])("sees %s in a preview", async (_what, side, kind) => {
        const step = { op: "any", urn: urn("bgplab:index:Lab", "lab"), [side]: { inputs: lab } };
        writeFileSync(join(project.folder, "build/preview.json"), JSON.stringify({ steps: [step] }));
        const run = await diff("--json", "--preview=build/preview.json");
        expect([run.code, kinds(run)]).toEqual([0, { dev: kind }]);
    });

    it("takes a preview without a step for the lab as one that leaves it, unless it failed", async () => {
        const steps = [{ op: "same", urn: urn("pulumi:pulumi:Stack", "bgp-lab-dev") }];
        writeFileSync(join(project.folder, "build/preview.json"), JSON.stringify({ steps }));
        expect((await diff("--preview=build/preview.json")).stdout).toBe(
            "The preview leaves the lab of dev as it is.\n",
        );
        const diagnostics = [{ severity: "error", message: secret }];
        writeFileSync(join(project.folder, "build/preview.json"), JSON.stringify({ steps, diagnostics }));
        const { code, stderr } = await diff("--preview=build/preview.json");
        expect([code, stderr]).toEqual([255, expect.stringContaining("failed before it knew the lab")]);
        expect(stderr).not.toContain(secret);
    });

    it("gives text, and Markdown that begins like the comment of a pull request", async () => {
        expect((await diff("--stack=dev")).stdout).toMatch(/^dev: /);
        expect((await diff("--stack=dev", "--markdown")).stdout).toMatch(/^<!-- bgp-lab review -->\n/);
    });

    it("shows nothing of a file that it cannot read", async () => {
        writeFileSync(join(project.folder, "build/wrong.json"), `{"passphrase": "${secret}`);
        for (const option of ["--preview", "--state"]) {
            const { code, stdout, stderr } = await diff("--stack=dev", `${option}=build/wrong.json`);
            expect([code, stdout, stderr]).toEqual([255, "", expect.stringContaining("it is not JSON")]);
            expect(stderr).not.toContain(secret);
        }
    });
});

describe("make", () => {
    it("gives the verbs about several stacks none unless one was asked for", async () => {
        // The tests themselves are run by a make, which passes on its stack and its flags.
        const { STACK: _stack, MAKEFLAGS: _flags, MFLAGS: _old, MAKELEVEL: _level, ...env } = process.env;
        const recipe = async (...args: string[]) =>
            (await runProgram("make", ["--dry-run", "--silent", ...args], { cwd: root, env })).stdout;
        for (const verb of ["validate", "diff", "rehearse", "pr-comment"]) {
            expect(await recipe(verb)).not.toContain("--stack");
            expect(await recipe(verb, "STACK=dev")).toContain('"--stack=$STACK"');
        }
    });
});
