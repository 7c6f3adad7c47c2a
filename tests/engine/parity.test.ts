import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { normalizedCheckpoint, publishedCli, type Spec, type TestProject, useProjects, withoutChance } from "./harness";

const available = publishedCli() !== undefined;
if (!available) {
    console.warn("parity with the published Pulumi CLI is NOT tested: no pulumi and pulumi-language-nodejs on PATH");
}

const project = useProjects();

/** One step of a scenario: a program, a command, and how both engines must end. */
interface Phase {
    readonly spec?: Spec;
    /** Something that happens to the world first. */
    readonly world?: (project: TestProject) => void;
    readonly command: readonly string[];
    readonly fails?: boolean;
}

const up = ["up", "--yes", "--skip-preview"];
const group = { name: "group", kind: "component", inputs: { a: 1 }, outputs: { shout: "$first.upper" } } as const;
const first = { name: "first", inputs: { value: "one" }, options: { parent: "group" } };

const scenarios: Readonly<Record<string, readonly Phase[]>> = {
    "components, dependencies, secrets and all options": [
        {
            spec: {
                resources: [
                    group,
                    first,
                    { name: "own", kind: "provider", inputs: { region: "here", token: { secret: "t" } } },
                    {
                        name: "second",
                        inputs: {
                            value: "$first.upper",
                            secretValue: { secret: { deep: ["x"] } },
                            list: [{ a: { secret: 1 } }],
                        },
                        options: {
                            dependsOn: ["group"],
                            protect: false,
                            customTimeouts: { create: "1h30m" },
                            provider: "own",
                        },
                    },
                    {
                        name: "third",
                        inputs: { value: "$second.upper", list: ["$first.serial", 2.5, null, true] },
                        options: {
                            additionalSecretOutputs: ["upper"],
                            ignoreChanges: ["list"],
                            replaceOnChanges: ["value"],
                        },
                    },
                    { name: "fourth", inputs: {}, options: { deletedWith: "third", retainOnDelete: true } },
                ],
                outputs: {
                    plain: "$first.upper",
                    hidden: { secret: "$second.upper" },
                    nested: { list: [1, { a: "$third.upper" }] },
                },
            },
            command: up,
        },
        { command: up },
        { command: ["refresh", "--yes", "--skip-preview"] },
    ],
    "updates, removals and additions": [
        {
            spec: {
                resources: [
                    group,
                    first,
                    { name: "a", inputs: { value: "1" } },
                    { name: "b", inputs: { value: "$a.upper" } },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { ...group, inputs: { a: 2 } },
                    { ...first, inputs: { value: "two", secretValue: { secret: "s" } } },
                    { name: "a", inputs: { value: "changed" }, options: { protect: true } },
                    { name: "c", inputs: { value: "$a.upper" } },
                ],
                outputs: { c: "$c.upper" },
            },
            command: up,
        },
        { spec: { resources: [{ name: "a", inputs: { value: "changed" } }] }, command: up },
    ],
    "a replacement, created before the old one is deleted": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: { key: "k1" } },
                    { name: "b", inputs: { value: "$a.key" } },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { name: "a", inputs: { key: "k2" } },
                    { name: "b", inputs: { value: "$a.key" } },
                ],
            },
            command: up,
        },
    ],
    "a replacement that deletes first, with dependents that go along": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: { key: "k1", dbr: true } },
                    { name: "b", inputs: { key: "$a.key" } },
                    { name: "c", inputs: { value: "$a.key" } },
                    { name: "d", inputs: { key: "$b.key", value: "$c.upper" } },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { name: "a", inputs: { key: "k2", dbr: true } },
                    { name: "b", inputs: { key: "$a.key" } },
                    { name: "c", inputs: { value: "$a.key" } },
                    { name: "d", inputs: { key: "$b.key", value: "$c.upper" } },
                ],
            },
            command: up,
        },
    ],
    "a failed replacement that had deleted first, and its continuation": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: { key: "k1", dbr: true } },
                    { name: "b", inputs: { key: "$a.key" } },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { name: "a", inputs: { key: "k2", dbr: true, fail: "create" } },
                    { name: "b", inputs: { key: "$a.key" } },
                ],
            },
            command: up,
            fails: true,
        },
        { spec: { resources: [{ name: "a", inputs: { key: "k2", dbr: true } }] }, command: up },
    ],
    "renamed resources, found again by their aliases": [
        {
            spec: {
                resources: [
                    group,
                    first,
                    { name: "a", inputs: { value: "1" } },
                    { name: "b", inputs: { value: "$a.upper" } },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { ...group, name: "crowd", options: { aliases: ["group"] } },
                    { ...first, options: { parent: "crowd" } },
                    { name: "z", inputs: { value: "1" }, options: { aliases: ["a"] } },
                    { name: "b", inputs: { value: "$z.upper" } },
                ],
            },
            command: up,
        },
    ],
    "failures: a refused create, a broken one, a refused update": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: { value: "1" } },
                    { name: "b", inputs: { fail: "create" }, options: { dependsOn: ["a"] } },
                ],
            },
            command: up,
            fails: true,
        },
        {
            spec: {
                resources: [
                    { name: "a", inputs: { value: "1" } },
                    { name: "b", inputs: { fail: "partial" }, options: { dependsOn: ["a"] } },
                ],
            },
            command: up,
            fails: true,
        },
        {
            spec: {
                resources: [
                    { name: "a", inputs: { value: "1" } },
                    { name: "b", inputs: {}, options: { dependsOn: ["a"] } },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { name: "a", inputs: { value: "2", fail: "update" } },
                    { name: "b", inputs: {}, options: { dependsOn: ["a"] } },
                ],
            },
            command: up,
            fails: true,
        },
        {
            spec: { resources: [{ name: "a", inputs: { value: "1", fail: "check" } }] },
            command: up,
            fails: true,
        },
    ],
    "a program that fails deletes nothing": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: {} },
                    { name: "b", inputs: {} },
                ],
                outputs: { x: 1, y: 2 },
            },
            command: up,
        },
        {
            spec: {
                resources: [{ name: "a", inputs: { value: "2" } }],
                throws: { message: "no", run: true },
                outputs: { x: 3 },
            },
            command: up,
            fails: true,
        },
    ],
    "drift: a changed and a vanished resource": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: { value: "1" } },
                    { name: "b", inputs: { value: "$a.upper" }, options: { dependsOn: ["a"] } },
                ],
            },
            command: up,
        },
        {
            world: ({ world }) => {
                rmSync(join(world, "a-0.json"));
                writeFileSync(join(world, "b-0.json"), JSON.stringify({ value: "other", serial: 7, upper: "X" }));
            },
            command: ["refresh", "--yes", "--skip-preview"],
        },
        { command: [...up, "--refresh"] },
    ],
    "a resource that is deleted with another is not deleted itself": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: {} },
                    { name: "b", inputs: {}, options: { deletedWith: "a" } },
                    { name: "c", inputs: {} },
                    { name: "d", inputs: {}, options: { deletedWith: "c" } },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { name: "c", inputs: {} },
                    { name: "d", inputs: {}, options: { deletedWith: "c" } },
                ],
            },
            command: up,
        },
        { command: ["destroy", "--yes", "--skip-preview"] },
    ],
    "a provider whose configuration changes, and a resource that moves to it": [
        {
            spec: {
                resources: [
                    { name: "own", kind: "provider", inputs: { region: "here" } },
                    { name: "a", inputs: {}, options: { provider: "own" } },
                    { name: "b", inputs: {} },
                ],
            },
            command: up,
        },
        {
            spec: {
                resources: [
                    { name: "own", kind: "provider", inputs: { region: "there", token: { secret: "t" } } },
                    { name: "a", inputs: {}, options: { provider: "own" } },
                    { name: "b", inputs: {}, options: { provider: "own" } },
                ],
            },
            command: up,
        },
        { spec: { resources: [{ name: "b", inputs: {} }] }, command: up },
    ],
    "protected resources are not destroyed": [
        {
            spec: {
                resources: [
                    { name: "a", inputs: {}, options: { protect: true } },
                    { name: "b", inputs: {} },
                ],
            },
            command: up,
        },
        { command: ["destroy", "--yes", "--skip-preview"], fails: true },
        { spec: { resources: [{ name: "a", inputs: {} }] }, command: up },
        { command: ["destroy", "--yes", "--skip-preview"] },
    ],
};

describe.skipIf(!available)("parity with the published CLI", () => {
    for (const [name, phases] of Object.entries(scenarios)) {
        it(`leaves the same state: ${name}`, { timeout: 240_000 }, async () => {
            const [ours, theirs] = [project(), project()];
            for (const [index, { spec, world, command, fails }] of phases.entries()) {
                for (const side of [ours, theirs]) {
                    world?.(side);
                    if (spec !== undefined) {
                        side.write(spec);
                    }
                }
                const embedded = await ours.engine(...command);
                const published = await theirs.cli(...command);
                const where = `phase ${index + 1}: ${command.join(" ")}`;
                expect(published.code, `${where}, CLI\n${published.all}`).toBe(fails ? 1 : 0);
                expect(embedded.code, `${where}, embedded\n${embedded.all}`).toBe(published.code);
                expect(normalizedCheckpoint(ours.stateFile), where).toEqual(normalizedCheckpoint(theirs.stateFile));
                expect(ours.things(), where).toEqual(theirs.things());
                expect(ours.calls().sort(), where).toEqual(theirs.calls().sort());
                if (!fails && command[0] === "up") {
                    const onOurs = await ours.cli("preview", "--expect-no-changes");
                    expect(onOurs.code, `${where}: the CLI sees changes\n${onOurs.all}`).toBe(0);
                    const onTheirs = await theirs.engine("preview", "--expect-no-changes");
                    expect(onTheirs.code, `${where}: the embedded engine sees changes\n${onTheirs.all}`).toBe(0);
                    rmSync(join(ours.directory, "Pulumi.dev.yaml"), { force: true });
                }
            }
            expect(existsSync(join(ours.directory, "Pulumi.dev.yaml"))).toBe(false);
        });
    }
});

/** A step of `preview --json`. */
interface PreviewStep {
    readonly op: string;
    readonly urn: string;
    readonly oldState?: Record<string, unknown>;
    readonly newState?: Record<string, unknown>;
}

describe.skipIf(!available)("preview --json, beside the published CLI", () => {
    const lab = (inputs: Record<string, unknown>) => ({ name: "lab", kind: "component", inputs }) as const;
    const before: Spec = {
        resources: [
            lab({ model: { name: "x", routers: [{ asn: 65000 }] }, runtime: "netns" }),
            { name: "a", inputs: { value: "1", secretValue: { secret: { deep: ["s"] } } } },
            { name: "b", inputs: { key: "k1" }, options: { parent: "lab", protect: false } },
            { name: "c", inputs: { list: [1.5, null, true, { x: "y" }] } },
            { name: "calm", inputs: {} },
        ],
        outputs: { a: "$a.upper", hidden: { secret: 1 } },
    };
    const after: Spec = {
        resources: [
            lab({ model: { name: "x", routers: [{ asn: 65001 }, { asn: 4200000000 }] }, runtime: "netns" }),
            { name: "a", inputs: { value: "2", secretValue: { secret: { deep: ["t"] } } } },
            { name: "b", inputs: { key: "k2" }, options: { parent: "lab", protect: true } },
            { name: "d", inputs: { value: "$b.serial", list: ["$a.upper"] }, options: { dependsOn: ["a"] } },
            { name: "calm", inputs: {} },
        ],
        outputs: { a: "$a.upper", d: "$d.upper" },
    };

    /** Steps by what they are about, states without times, positions and random ids. */
    function steps(stdout: string): unknown {
        const digest = JSON.parse(stdout) as { steps: readonly PreviewStep[]; changeSummary: unknown };
        const shown = digest.steps.map(({ op, urn, oldState, newState }) => ({ op, urn, oldState, newState }));
        return {
            changes: digest.changeSummary,
            steps: withoutChance(shown.sort((one, other) => (one.urn < other.urn ? -1 : 1))),
        };
    }

    it("tells each resource's state before and after, inputs and all", { timeout: 120_000 }, async () => {
        const target = project();
        const compare = async (what: string) => {
            const ours = await target.engine("preview", "--json");
            const theirs = await target.cli("preview", "--json");
            expect(theirs.code, `${what}, CLI\n${theirs.all}`).toBe(0);
            expect(ours.code, `${what}, embedded\n${ours.all}`).toBe(0);
            expect(steps(ours.stdout), what).toEqual(steps(theirs.stdout));
            return JSON.parse(ours.stdout) as { steps: readonly PreviewStep[] };
        };
        target.write(before);
        await compare("everything is new");
        expect((await target.engine(...up)).code).toBe(0);
        await compare("nothing changes");
        target.write(after);
        const { steps: seen } = await compare("updates, a replacement, a removal, an addition");
        const component = seen.find(({ urn }) => urn.endsWith("::lab"));
        expect(component?.oldState).toMatchObject({ inputs: { model: { routers: [{ asn: 65000 }] } } });
        expect(component?.newState).toMatchObject({
            inputs: { model: { routers: [{ asn: 65001 }, { asn: 4200000000 }] } },
        });
        target.write({ resources: [] });
        await compare("everything goes");
    });
});
