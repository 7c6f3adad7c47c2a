/** The unified diffs of configurations: any program that reads them makes the one file of the other. */

import { applyPatch } from "diff";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Artifact } from "../../render/artifacts";
import { configurationChanges } from "../../review/configurations";
import type { Revision } from "../../review/revision";

function revisionWith(...artifacts: readonly Artifact[]): Revision {
    return { format: 1, stack: "test", runtime: "netns", findings: [], artifacts };
}

function file(text: string, path = "r0/frr.conf"): Artifact {
    return { kind: "file", path, text };
}

const texts = fc
    .tuple(
        fc.array(fc.constantFrom("a", "b", "c", "neighbor 10.0.0.1", "", "- b", "+ c", "\\ x"), { maxLength: 30 }),
        fc.boolean(),
    )
    .map(([lines, isEnded]) =>
        lines.map((line, place) => (place < lines.length - 1 || isEnded ? `${line}\n` : line)).join(""),
    );

describe("the diff of a configuration", () => {
    it("makes the one file of the other, and counts its lines", () => {
        fc.assert(
            fc.property(texts, texts, (before, after) => {
                const [change, ...others] = configurationChanges(revisionWith(file(before)), revisionWith(file(after)));
                expect(others).toEqual([]);
                expect(change === undefined).toBe(before === after);
                if (change !== undefined) {
                    expect(change.kind).toBe("changed");
                    expect(applyPatch(before, `--- a\n+++ b\n${change.diff}`)).toBe(after);
                    const count = (text: string) =>
                        text.split("\n").length - (text === "" || text.endsWith("\n") ? 1 : 0);
                    expect(change.linesAdded - change.linesRemoved).toBe(count(after) - count(before));
                }
            }),
        );
    });

    it("of files with thousands of lines that have nothing in common is all of both", () => {
        const lines = (word: string) => Array.from({ length: 6000 }, (_, number) => `${word} ${number}\n`).join("");
        const [before, after] = [lines("old"), lines("new")];
        const [changed] = configurationChanges(revisionWith(file(before)), revisionWith(file(after)));
        expect(changed).toMatchObject({ linesAdded: 6000, linesRemoved: 6000 });
        expect(applyPatch(before, `--- a\n+++ b\n${changed!.diff}`)).toBe(after);
        const [added] = configurationChanges(revisionWith(), revisionWith(file(after)));
        expect(added).toMatchObject({ kind: "added", linesAdded: 6000, linesRemoved: 0 });
        expect(added!.diff).toMatch(/^@@ -0,0 \+1,6000 @@\n\+new 0\n/);
    });

    it("takes a file that cannot be written for one that is not there, and leaves the diagram out", () => {
        const leftOut: Artifact = { kind: "left out", path: "r0/frr.conf", reason: "r0 has VRFs" };
        const [before, after] = [
            revisionWith(file("a\n"), file("one", "diagram.mmd")),
            revisionWith(leftOut, file("other", "diagram.mmd")),
        ];
        expect(configurationChanges(before, after)).toEqual([
            { kind: "removed", path: "r0/frr.conf", linesAdded: 0, linesRemoved: 1, diff: "@@ -1,1 +0,0 @@\n-a\n" },
        ]);
        expect(configurationChanges(revisionWith(leftOut), revisionWith())).toEqual([]);
    });
});
