import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rules } from "../../lab/rules";
import type { Rule } from "../../lab/rules/rule";
import { expectGolden } from "../golden";

const root = join(__dirname, "..", "..");

/** What the comment above each rule says, by id: the comment is the rule's one thought. */
function thoughts(): ReadonlyMap<string, string> {
    const folder = join(root, "lab", "rules");
    const declared = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport const \w+ = rule\(\{\n\s+id: "([^"]+)"/g;
    const found = readdirSync(folder).flatMap((file) =>
        [...readFileSync(join(folder, file), "utf8").matchAll(declared)].map(([, comment, id]): [string, string] => [
            id!,
            comment!.replace(/\n \*/g, "").trim().replaceAll("|", "\\|"),
        ]),
    );
    return new Map(found);
}

function row({ id, severity, source }: Rule, thought: string): string {
    return `| ${id} | ${severity} | ${thought} | ${source} |`;
}

describe("docs/rules.md", () => {
    const known = thoughts();

    it("has a thought for every rule", () => {
        expect([...known.keys()].sort()).toEqual(rules.map(({ id }) => id).sort());
    });

    it("lists every rule as the sources have it now", () => {
        const sorted = [...rules].sort((a, b) => (a.id < b.id ? -1 : 1));
        const text = [
            "# Rules",
            "",
            "<!-- Written from lab/rules/: UPDATE_GOLDEN=1 npx vitest run tests/lab/rules-reference.test.ts -->",
            "",
            "Every lab is checked by these rules before anything is built. An error stops it; a warning or an info is shown.",
            "`CFG` findings are about the form of the configuration, `ADR-CAP` findings about networks that are too small for",
            "what they must hold.",
            "",
            "| Rule | Severity | Thought | Source |",
            "|---|---|---|---|",
            ...sorted.map((rule) => row(rule, known.get(rule.id)!)),
            "",
        ].join("\n");
        expectGolden(join(root, "docs", "rules.md"), text);
    });
});
