import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { parseArguments, runFlags } from "../../engine/arguments";
import { openBackend, readCheckpoint } from "../../engine/backend";
import { applyReplaceOnChanges, compare, type DiffResult, invert, isReplace } from "../../engine/diff";
import { newExecutor, Stopped } from "../../engine/executor";
import { deletionOrder, dependents } from "../../engine/graph";
import { splitArguments } from "../../engine/program";
import { containsPath, formatPath, getPath, parsePath, resetPath } from "../../engine/propertyPath";
import { newCrypter, newKeyring } from "../../engine/secrets";
import { loadSnapshot, openWriter, type Snapshot } from "../../engine/snapshot";
import type { ResourceState } from "../../engine/state";
import { createUrn, nameOf, qualifiedType, typeOf } from "../../engine/urn";
import {
    annotateSecrets,
    copy,
    makeSecret,
    type PropertyMap,
    toWire,
    unknownValue,
    type Value,
} from "../../engine/values";

const key = fc.oneof(fc.stringMatching(/^[a-z]{1,4}$/), fc.constantFrom("a.b", 'with "quotes"', "x[0]", "üñ"));
const { tree } = fc.letrec<{ tree: Value }>((tie) => ({
    tree: fc.oneof(
        { depthSize: "small" },
        fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)) as fc.Arbitrary<Value>,
        fc.array(tie("tree"), { maxLength: 3 }) as fc.Arbitrary<Value>,
        fc.dictionary(key, tie("tree"), { maxKeys: 3 }) as fc.Arbitrary<Value>,
    ),
}));
const bag = fc.dictionary(key, tree, { maxKeys: 4 }) as fc.Arbitrary<PropertyMap>;

describe("a property path", () => {
    it("reads back what it writes", () => {
        const path = fc.array(fc.oneof(key, fc.nat(20)), { minLength: 1, maxLength: 5 });
        fc.assert(
            fc.property(path, (elements) => {
                expect(parsePath(formatPath(elements))).toEqual(elements);
            }),
        );
    });

    it("of a child is contained in that of its parent, not the other way round", () => {
        expect(containsPath(parsePath("a.b"), parsePath("a.b[0].c"))).toBe(true);
        expect(containsPath(parsePath("a.b[0]"), parsePath("a.b"))).toBe(false);
        expect(containsPath(parsePath("a[*].c"), parsePath("a[7].c.d"))).toBe(true);
        expect(containsPath(parsePath("a[*].c"), parsePath("a[7].b"))).toBe(false);
    });

    it("with a bracket left open is an error that shows it", () => {
        expect(() => parsePath("a[0")).toThrow('invalid property path "a[0"');
    });

    const cases: [string, PropertyMap, PropertyMap, PropertyMap, boolean][] = [
        ["a", { a: 1 }, { a: 2, b: 3 }, { a: 1, b: 3 }, true],
        ["a", {}, { a: 2 }, {}, true],
        ["a.b", { a: { b: 1 } }, { a: { b: 2, c: 3 } }, { a: { b: 1, c: 3 } }, true],
        ["a.b", { a: { b: 1 } }, {}, {}, false],
        ["list[1]", { list: [1, 2] }, { list: [5, 6] }, { list: [5, 2] }, true],
        ["list[1]", { list: [1] }, { list: [5, 6] }, { list: [5, 6] }, false],
        [
            "list[*].x",
            { list: [{ x: 1 }, { x: 2 }] },
            { list: [{ x: 3 }, { x: 4 }] },
            { list: [{ x: 1 }, { x: 2 }] },
            true,
        ],
        ["a.b", { a: makeSecret({ b: 1 }) }, { a: { b: 2 } }, { a: { b: makeSecret(1) } }, true],
    ];
    for (const [path, previous, next, expected, possible] of cases) {
        it(`of ignoreChanges: ${path} of ${JSON.stringify(previous)} in ${JSON.stringify(next)}`, () => {
            const result = copy(next);
            expect(resetPath(parsePath(path), previous, result)).toBe(possible);
            expect(result).toEqual(expected);
        });
    }
});

describe("a comparison", () => {
    it("finds nothing in a copy", () => {
        fc.assert(
            fc.property(bag, (value) => {
                expect(compare(value, copy(value), true).size).toBe(0);
            }),
        );
    });

    it("names only paths whose values differ, and all top-level properties that do", () => {
        fc.assert(
            fc.property(bag, bag, (before, after) => {
                const found = compare(before, after, true);
                for (const [path, { kind }] of found) {
                    const [old, next] = [getPath(before, parsePath(path)), getPath(after, parsePath(path))];
                    expect(old).not.toEqual(next);
                    expect([kind === "add", kind === "delete"]).toEqual([old === undefined, next === undefined]);
                }
                const names = new Set([...found.keys()].map((path) => String(parsePath(path)[0])));
                const all = new Set([...Object.keys(before), ...Object.keys(after)]);
                const differing = [...all].filter(
                    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
                );
                expect(names).toEqual(
                    new Set(differing.filter((name) => !sameWithoutOrder(before[name], after[name]))),
                );
            }),
        );
    });

    it("turned around twice is what it was", () => {
        fc.assert(
            fc.property(bag, bag, (before, after) => {
                const diff: DiffResult = { ...none, changes: "some", detailedDiff: compare(before, after, true) };
                expect(invert(invert(diff))).toEqual(diff);
                expect(new Set(invert(diff).detailedDiff!.keys())).toEqual(
                    new Set(compare(after, before, true).keys()),
                );
            }),
        );
    });
});

function sameWithoutOrder(a: Value | undefined, b: Value | undefined): boolean {
    return compare({ v: a ?? null }, { v: b ?? null }, true).size === 0 && (a === undefined) === (b === undefined);
}

const none: DiffResult = {
    changes: "none",
    replaceKeys: [],
    stableKeys: [],
    changedKeys: [],
    deleteBeforeReplace: false,
};

describe("replaceOnChanges", () => {
    const some: DiffResult = {
        ...none,
        changes: "some",
        changedKeys: ["a"],
        detailedDiff: new Map([["a.b", { kind: "update", inputDiff: true }]]),
    };

    it("turns a difference at or below its path into a replacement", () => {
        expect(isReplace(applyReplaceOnChanges(some, ["a"], false))).toBe(true);
        expect(isReplace(applyReplaceOnChanges(some, ["a.b.c"], false))).toBe(false);
        expect(isReplace(applyReplaceOnChanges(some, ["other"], false))).toBe(false);
        expect(isReplace(applyReplaceOnChanges(some, ["*"], false))).toBe(true);
    });

    it("replaces a resource that failed to initialise only if #initerror is named", () => {
        expect(isReplace(applyReplaceOnChanges(none, ["#initerror"], true))).toBe(true);
        expect(isReplace(applyReplaceOnChanges(none, ["a"], true))).toBe(false);
    });
});

describe("properties on the wire", () => {
    const options = { keepUnknowns: false, keepSecrets: false, keepResources: false };

    it("lose secrets and unknown values for a provider that accepts neither", () => {
        const value = { a: makeSecret({ b: [unknownValue, 1] }), c: unknownValue };
        expect(toWire(value, options)).toEqual({ a: { b: [1] } });
        expect(toWire(value, { ...options, keepSecrets: true, keepUnknowns: true })).toEqual(value);
    });

    it("come back secret under the same name, arrays as a whole", () => {
        const outputs: PropertyMap = { a: 1, b: { c: 2, d: 3 }, list: [1, 2], e: 5 };
        annotateSecrets(outputs, { a: makeSecret(1), b: { c: makeSecret(2), d: 3 }, list: [1, makeSecret(2)] });
        expect(outputs).toEqual({ a: makeSecret(1), b: { c: makeSecret(2), d: 3 }, list: makeSecret([1, 2]), e: 5 });
    });
});

describe("a URN", () => {
    it("is made of stack, project, the parents' types and name, without the stack's own type", () => {
        const stack = createUrn("dev", "proj", "", "pulumi:pulumi:Stack", "proj-dev");
        const parent = createUrn("dev", "proj", stack, "a:b:C", "c");
        const child = createUrn("dev", "proj", parent, "d:e:F", "x::y");
        expect(child).toBe("urn:pulumi:dev::proj::a:b:C$d:e:F::x::y");
        expect([qualifiedType(child), typeOf(child), nameOf(child)]).toEqual(["a:b:C$d:e:F", "d:e:F", "x::y"]);
    });
});

function resource(name: string, more: Partial<ResourceState> = {}): ResourceState {
    return {
        urn: `urn:pulumi:dev::proj::t:i:T::${name}`,
        custom: true,
        id: name,
        type: "t:i:T",
        inputs: {},
        outputs: {},
        dependencies: [],
        initErrors: [],
        propertyDependencies: {},
        ...more,
    };
}

describe("the order of deletion", () => {
    const a = resource("a");
    const b = resource("b", { dependencies: [a.urn] });
    const c = resource("c", { parent: b.urn });
    const d = resource("d", { deletedWith: a.urn, propertyDependencies: { x: [c.urn] } });

    it("waits for everything that needs a resource, in whatever way", () => {
        const waits = deletionOrder([a, b, c, d]);
        expect(waits.get(a)).toEqual([b, d]);
        expect(waits.get(b)).toEqual([c]);
        expect(waits.get(c)).toEqual([d]);
        expect(waits.get(d)).toEqual([]);
    });

    it("knows two incarnations of one resource apart by their place, so that none waits for itself", () => {
        const old = resource("a", { delete: true, id: "old", dependencies: [b.urn] });
        const waits = deletionOrder([a, b, old]);
        expect(waits.get(a)).toEqual([b]);
        expect(waits.get(b)).toEqual([old]);
        expect(waits.get(old)).toEqual([]);
    });

    it("follows dependents through any number of steps, but not past one that was registered anew", () => {
        expect(dependents([a, b, c, d], a, new Set(), true)).toEqual([b, c, d]);
        expect(dependents([a, b, c, d], b, new Set([c.urn]), true)).toEqual([]);
        expect(dependents([a, b, c, d], b, new Set(), false)).toEqual([]);
    });
});

describe("the executor", () => {
    it("never runs more at a time than it has slots, and runs everything", async () => {
        const executor = newExecutor(3);
        let [running, most] = [0, 0];
        const work = Array.from({ length: 50 }, () =>
            executor.run(async () => {
                running += 1;
                most = Math.max(most, running);
                await new Promise((resolve) => setImmediate(resolve));
                running -= 1;
            }),
        );
        await Promise.all(work);
        expect(most).toBe(3);
    });

    it("after a stop refuses what waits, and tells when what runs has ended", async () => {
        const executor = newExecutor(1);
        let finish: () => void = () => undefined;
        const first = executor.run(
            () =>
                new Promise<void>((resolve) => {
                    finish = resolve;
                }),
        );
        const second = executor.run(async () => undefined);
        await new Promise((resolve) => setImmediate(resolve));
        executor.stop();
        await expect(second).rejects.toBeInstanceOf(Stopped);
        await expect(executor.run(async () => undefined)).rejects.toBeInstanceOf(Stopped);
        let idle = false;
        const rest = executor.idle().then(() => {
            idle = true;
        });
        await new Promise((resolve) => setImmediate(resolve));
        expect(idle).toBe(false);
        finish();
        await Promise.all([first, rest]);
        expect(idle).toBe(true);
    });
});

describe("arguments", () => {
    it("take values attached or apart, long or short", () => {
        const args = parseArguments(["-s", "dev", "--parallel=4", "-y", "rest", "--", "--not-a-flag"], runFlags);
        expect([args.value("stack"), args.value("parallel"), args.flag("yes")]).toEqual(["dev", "4", true]);
        expect(args.positional).toEqual(["rest", "--not-a-flag"]);
        expect(parseArguments(["--yes=false"], runFlags).flag("yes")).toBe(false);
        expect(parseArguments(["-sdev"], runFlags).value("stack")).toBe("dev");
    });

    it("of node are split at blanks outside of quotes", () => {
        expect(splitArguments(`--import tsx  -r "./a b.cjs" --title='x y'`)).toEqual([
            "--import",
            "tsx",
            "-r",
            "./a b.cjs",
            "--title=x y",
        ]);
        expect(splitArguments("")).toEqual([]);
    });
});

describe("the state file", () => {
    const directory = mkdtempSync(join(tmpdir(), "engine-state-"));
    afterAll(() => rmSync(directory, { recursive: true, force: true }));
    const backend = openBackend({ PULUMI_BACKEND_URL: `file://${directory}` }, undefined, "/");
    const empty: Snapshot = { resources: [], operations: [] };
    const passphrase = { PULUMI_CONFIG_PASSPHRASE: "p" };
    const open = async (stack: string, base: Snapshot = empty) => {
        const crypter = await newCrypter("p");
        return openWriter(base, {
            backend,
            project: "proj",
            stack,
            persist: true,
            crypter: async () => crypter,
            salt: async () => crypter.salt,
        });
    };

    it("is written in pieces, and yet is exactly what the CLI's formatting of its content gives", async () => {
        const writer = await open("format");
        await writer.begin("creating", resource("slow", { inputs: { text: 'a\n"b"' } }));
        await writer.end({ added: resource("a", { inputs: { list: [], map: {}, secret: makeSecret("s") } }) });
        await writer.end({ added: resource("b", { dependencies: [resource("a").urn] }) });
        const text = readFileSync(backend.stackFile("proj", "format"), "utf8");
        const parsed = JSON.parse(text) as unknown;
        expect(text).toBe(`${JSON.stringify(parsed, null, 4)}\n`);
    });

    it("gives back what was written, secrets and pending operations included", async () => {
        const writer = await open("round");
        const made = resource("a", { inputs: { x: makeSecret({ y: 1 }) }, outputs: { z: [1] }, protect: true });
        await writer.begin("creating", resource("slow"));
        await writer.end({ added: made });
        const { resources, operations } = await loadSnapshot(
            readCheckpoint(backend, "proj", "round"),
            newKeyring(passphrase),
        );
        expect(resources).toMatchObject([{ urn: made.urn, inputs: made.inputs, outputs: made.outputs, protect: true }]);
        expect(operations).toMatchObject([{ type: "creating", resource: { urn: resource("slow").urn } }]);
    });

    it("takes far fewer writes than changes when many come at once", async () => {
        const writer = await open("many");
        await Promise.all(
            Array.from({ length: 300 }, async (_, index) => {
                const state = resource(`r${index}`);
                await writer.begin("creating", state);
                await writer.end({ ended: state, added: state });
            }),
        );
        expect(writer.resources()).toHaveLength(300);
        expect(writer.writes()).toBeLessThan(10);
    });

    it("names references to a renamed resource by its new name, those in the types of children too", async () => {
        const group = resource("old", { custom: false, type: "t:i:G", urn: "urn:pulumi:dev::proj::t:i:G::old" });
        const child = resource("c", { parent: group.urn, urn: "urn:pulumi:dev::proj::t:i:G$t:i:T::c" });
        const user = resource("u", {
            dependencies: [group.urn],
            propertyDependencies: { x: [group.urn] },
            deletedWith: group.urn,
        });
        const writer = await open("alias", { resources: [group, child, user], operations: [] });
        const renamed = "urn:pulumi:dev::proj::t:i:H::new";
        writer.alias(group.urn, renamed);
        await writer.end({ replaced: group, added: { ...group, type: "t:i:H", urn: renamed } });
        const { checkpoint } = readCheckpoint(backend, "proj", "alias");
        expect(checkpoint.latest?.resources).toMatchObject([
            { urn: renamed },
            { parent: renamed, urn: "urn:pulumi:dev::proj::t:i:H$t:i:T::c" },
            { dependencies: [renamed], propertyDependencies: { x: [renamed] }, deletedWith: renamed },
        ]);
    });
});
