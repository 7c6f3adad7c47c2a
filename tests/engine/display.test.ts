import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { PropertyDiff } from "../../engine/diff";
import { differenceLines, lineDifference, shortDifference } from "../../engine/display/difference";
import { plainProgress } from "../../engine/display/plain";
import { diagnosticLines, newTally, outputLines, summaryLines } from "../../engine/display/report";
import { newStyle } from "../../engine/display/style";
import { type Row, treeLines, treeProgress } from "../../engine/display/tree";
import type { Op, Step } from "../../engine/events";
import type { ResourceState } from "../../engine/state";
import { makeSecret, type PropertyMap, unknownValue } from "../../engine/values";
import { expectGolden } from "../golden";
import { enginePath, makeProject, type TestProject } from "./harness";

const style = newStyle(false);
const escapeCode = String.fromCharCode(27);
const cursorUp = new RegExp(`${escapeCode}\\[(\\d+)A`, "g");
const withoutColours = (text: string) => text.replaceAll(new RegExp(`${escapeCode}\\[\\d+m`, "g"), "");
const stack = "urn:pulumi:dev::lab::pulumi:pulumi:Stack::lab-dev";

function state(name: string, inputs: PropertyMap, more: Partial<ResourceState> = {}): ResourceState {
    const type = more.type ?? "lab:index:Router";
    return {
        urn: `urn:pulumi:dev::lab::${type}::${name}`,
        custom: true,
        type,
        inputs,
        outputs: inputs,
        parent: stack,
        dependencies: [],
        initErrors: [],
        propertyDependencies: {},
        ...more,
    };
}

function step(op: Op, name: string, before?: PropertyMap, after?: PropertyMap, more: Partial<Step> = {}): Step {
    const [old, next] = [before && state(name, before), after && state(name, after)];
    return { op, urn: (old ?? next)!.urn, type: (old ?? next)!.type, old, new: next, ...more };
}

function detailed(entries: Record<string, PropertyDiff>): Step["diff"] {
    return {
        changes: "some",
        replaceKeys: [],
        stableKeys: [],
        changedKeys: [],
        deleteBeforeReplace: false,
        detailedDiff: new Map(Object.entries(entries)),
    };
}

const frr = [
    "frr defaults datacenter",
    "router bgp 65000",
    " neighbor 10.0.0.1 timers 3 9",
    " bgp router-id 10.0.0.0",
    "end",
];

/** One step of each kind that a difference can have. */
const steps: readonly Step[] = [
    step("create", "router1", undefined, { asn: 65001 }),
    step(
        "update",
        "router0",
        {
            asn: 65000,
            files: { "frr.conf": frr.join("\n") },
            links: [{ address: "10.0.0.1" }],
            password: makeSecret("a"),
        },
        {
            asn: 65010,
            files: { "frr.conf": frr.join("\n").replace("3 9", "1 3").replace("end", " timers\nend") },
            links: [{ address: "10.0.0.2" }, { address: "10.0.0.3" }],
            password: makeSecret("b"),
        },
    ),
    step(
        "update",
        "told",
        { files: { "a.b": "x" } },
        { files: { "a.b": "y" } },
        {
            diff: detailed({
                'files["a.b"]': { kind: "update", inputDiff: true },
                "running.lines[3]": { kind: "delete", inputDiff: false },
            }),
        },
    ),
    step(
        "replace",
        "node1",
        { name: "old", mtu: 1500 },
        { name: "new", mtu: 1500 },
        {
            diff: detailed({ name: { kind: "update-replace", inputDiff: true } }),
        },
    ),
    step("update", "unknown", { address: "10.0.0.1" }, { address: unknownValue }),
    step(
        "refresh",
        "drifted",
        { running: true },
        { running: false },
        {
            found: "update",
            diff: detailed({ running: { kind: "update", inputDiff: false } }),
        },
    ),
    step("delete", "gone", { asn: 1 }),
];

describe("a difference", () => {
    it("names each changed property, shows texts line by line, and no secret", () => {
        const text = steps.flatMap((each) => [
            `${each.op} ${each.urn.split("::").pop()}`,
            ...differenceLines(each),
            "",
        ]);
        expectGolden(join(__dirname, "golden/difference.txt"), text.join("\n"));
    });

    it("in short names the top-level properties", () => {
        expect(steps.map(shortDifference)).toEqual([
            "",
            "~asn,~files,~links,~password",
            "~files,~running",
            "~name",
            "~address",
            "~running",
            "",
        ]);
    });

    it("of two texts has as many lines as it must, and makes one from the other", () => {
        const text = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 });
        fc.assert(
            fc.property(text, text, (before, after) => {
                const lines = lineDifference(before.join("\n"), after.join("\n"));
                const removed = lines.filter((line) => line.startsWith("- ")).length;
                const added = lines.filter((line) => line.startsWith("+ ")).length;
                const [a, b] = [before.join("\n").split("\n"), after.join("\n").split("\n")];
                expect(a.length - removed + added).toBe(b.length);
                expect(removed).toBe(a.length - common(a, b));
            }),
        );
    });
});

/** Length of the longest common subsequence, the slow way. */
function common(a: readonly string[], b: readonly string[]): number {
    const memo = new Map<string, number>();
    const at = (i: number, j: number): number => {
        if (i === a.length || j === b.length) {
            return 0;
        }
        const key = `${i} ${j}`;
        const known = memo.get(key) ?? (a[i] === b[j] ? 1 + at(i + 1, j + 1) : Math.max(at(i + 1, j), at(i, j + 1)));
        memo.set(key, known);
        return known;
    };
    return at(0, 0);
}

describe("progress as lines", () => {
    it("tells what begins and ends, and nothing of what is unchanged", () => {
        for (const preview of [true, false]) {
            const lines: string[] = [];
            const progress = plainProgress((line) => lines.push(line), { preview, diff: false, style });
            const all = [...steps, step("same", "calm", {}, {})];
            for (const each of all) {
                progress.started(each);
                progress.ended(each, each.urn.endsWith("told"));
            }
            const text = lines.map((line) => line.replace(/\d+\.\d\ds/, "0.00s")).join("\n");
            expectGolden(join(__dirname, `golden/plain-${preview ? "preview" : "update"}.txt`), `${text}\n`);
        }
    });
});

describe("the summary", () => {
    it("counts a replacement once, whatever steps it takes", () => {
        const tally = newTally();
        const parts: Op[] = [
            "create-replacement",
            "replace",
            "delete-replaced",
            "create",
            "same",
            "same",
            "delete",
            "update",
        ];
        for (const op of parts) {
            tally.add(step(op, op, {}, {}));
        }
        expect(summaryLines(tally.counts(), true, style)).toEqual([
            "Resources:",
            "    + 1 to create",
            "    ~ 1 to update",
            "    - 1 to delete",
            "    +- 1 to replace",
            "    4 changes. 2 unchanged",
        ]);
    });

    it("shows outputs with what changes about them, and no secret", () => {
        const before = { a: 1, b: "x", c: makeSecret("s"), gone: true };
        const after = { a: 1, b: "y", c: makeSecret("t"), fresh: { list: [1, 2] } };
        expectGolden(join(__dirname, "golden/outputs.txt"), `${outputLines(before, after, style).join("\n")}\n`);
    });

    it("groups messages by resource, the stack's last", () => {
        const lines = diagnosticLines(
            [
                { severity: "info", message: "hello" },
                { severity: "error", message: "two\nlines\n", urn: state("r0", {}).urn },
                { severity: "warning", message: "careful", urn: state("r0", {}).urn },
            ],
            stack,
            style,
        );
        expect(lines).toEqual([
            "Diagnostics:",
            "  lab:index:Router (r0):",
            "    error: two",
            "    lines",
            "    warning: careful",
            "",
            "  pulumi:pulumi:Stack (lab-dev):",
            "    hello",
            "",
        ]);
    });
});

describe("the tree", () => {
    const root = state("lab-dev", {}, { type: "pulumi:pulumi:Stack", urn: stack, parent: undefined });
    const lab = state("lab", {}, { type: "lab:index:Lab" });
    const row = (op: Op, of: ResourceState, status: string, more: Partial<Row> = {}): Row => ({
        urn: of.urn,
        parent: of.parent,
        step: { op, urn: of.urn, type: of.type, new: of },
        status,
        began: Date.now(),
        running: false,
        failed: false,
        ...more,
    });
    const rows: Row[] = [
        row("same", root, ""),
        row("same", lab, ""),
        row("create", state("r0", {}, { parent: lab.urn }), "created (0.10s)"),
        row("same", state("calm", {}, { parent: lab.urn }), ""),
        row("delete-replaced", state("r1", {}, { parent: lab.urn }), "replaced (1.00s) [diff: ~name]"),
        row("update", state("outside", {}), "updating", { running: true }),
        row("create", state("bad", {}), "creating failed (0.50s)", { failed: true }),
    ];

    it("shows what changes below the components it is in, and leaves out what is unchanged", () => {
        expectGolden(join(__dirname, "golden/tree.txt"), `${treeLines(rows, { style, columns: 100 }).join("\n")}\n`);
    });

    it("never writes a line that is as wide as the screen", () => {
        for (const columns of [60, 40, 20]) {
            expect(Math.max(...treeLines(rows, { style, columns }).map((line) => line.length))).toBeLessThan(columns);
        }
    });

    it("is never higher than the screen while it is redrawn, and whole at the end", async () => {
        let text = "";
        const screen = {
            write: (part: string) => {
                text += part;
            },
            columns: 80,
            rows: 12,
        };
        const progress = treeProgress(screen, { preview: false, diff: false, style });
        const many = Array.from({ length: 30 }, (_, index) => step("create", `r${index}`, undefined, {}));
        for (const each of many) {
            progress.started(each);
        }
        const deadline = Date.now() + 5000;
        while (!text.includes(`${escapeCode}[11A`) && Date.now() < deadline) {
            await new Promise((resolve) => setTimeout(resolve, 10));
            progress.started(many[0]!);
        }
        const ups = [...text.matchAll(cursorUp)].map(([, count]) => Number(count));
        expect(Math.max(...ups)).toBe(11);
        for (const each of many) {
            progress.ended(each, false);
        }
        text = "";
        progress.close();
        expect(text.match(/ created \(/g)).toHaveLength(30);
        expect(text.endsWith(`${escapeCode}[?25h`)).toBe(true);
    });
});

describe("on a terminal", { timeout: 60_000 }, () => {
    let target: TestProject | undefined;
    afterEach(() => target?.remove());

    const onTerminal = (project: TestProject, size: string, command: string) =>
        spawnSync("script", ["-qec", `stty ${size}; exec ${enginePath} ${command}`, "/dev/null"], {
            cwd: project.directory,
            env: { ...project.env, NO_COLOR: undefined, CI: undefined, TERM: "xterm" },
            encoding: "utf8",
            input: "yes\n",
        });

    it("an update is a tree that is redrawn in place", () => {
        target = makeProject();
        target.write({ resources: [{ name: "a", inputs: { delay: 400 } }] });
        const { stdout, status } = onTerminal(target, "rows 30 cols 100", "up --yes --skip-preview");
        expect(status, stdout).toBe(0);
        expect(stdout).toContain("└─ testbed:index:Thing  a");
        expect(stdout).toMatch(cursorUp);
        expect(stdout).toContain(`${escapeCode}[?25h`);
    });

    it("that is too small for a tree it is lines", () => {
        target = makeProject();
        target.write({ resources: [{ name: "a", inputs: {} }] });
        const { stdout, status } = onTerminal(target, "rows 5 cols 40", "up --yes --skip-preview");
        expect(status, stdout).toBe(0);
        expect(stdout).not.toMatch(cursorUp);
        expect(withoutColours(stdout)).toContain("testbed:index:Thing a created");
    });

    it("an update without --yes asks, after it has shown what it would do", () => {
        target = makeProject();
        target.write({ resources: [{ name: "a", inputs: {} }] });
        const { stdout, status } = onTerminal(target, "rows 30 cols 100", "up");
        expect(status, stdout).toBe(0);
        expect(stdout.indexOf("to create")).toBeGreaterThan(0);
        expect(stdout.indexOf("Do you want to perform this update?")).toBeGreaterThan(stdout.indexOf("to create"));
        expect(target.things()).toEqual(["a-0"]);
    });
});
