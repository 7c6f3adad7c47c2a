import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rules, topics } from "../../lab/rules";
import { type CatalogueEntry, catalogue } from "../../lab/rules/catalogue";
import { linkOf } from "../../lab/rules/links";
import type { Rule } from "../../lab/rules/rule";
import { expectGolden } from "../golden";

const root = join(__dirname, "..", "..");
const entries = catalogue.flatMap((section) => section.entries);

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

/** Ids of findings about configuration, which are declared where the configuration is read. */
function configurationIds(): readonly string[] {
    const sources = ["stacks", "commands"].flatMap((part) =>
        readdirSync(join(root, part), { recursive: true, encoding: "utf8" })
            .filter((file) => file.endsWith(".ts"))
            .map((file) => readFileSync(join(root, part, file), "utf8")),
    );
    const ids = sources.flatMap((text) => [...text.matchAll(/id: "([A-Z]+(?:-[A-Z]+)*-\d{3})"/g)].map(([, id]) => id!));
    return [...new Set(ids)].sort();
}

/** The project's own page that a document is, from docs/. */
function pageOf(document: string): string | undefined {
    return /^docs\/(\S+\.md)$/.exec(document)?.[1];
}

function linked(source: string): string {
    return source
        .split("; ")
        .map((document) => `[${document}](${pageOf(document) ?? linkOf(document)})`)
        .join("; ");
}

function row({ id, severity, source }: Rule, thought: string): string {
    return `| <a id="${id.toLowerCase()}"></a>${id} | ${severity} | ${thought} | ${linked(source)} |`;
}

function entryRow({ subject, source, rules: ids = [], configuration = [], remark }: CatalogueEntry): string {
    const checks = [...ids.map((id) => `[${id}](#${id.toLowerCase()})`), ...configuration].join(", ");
    const text = [...(checks === "" ? [] : [`${checks}.`]), ...(remark === undefined ? [] : [remark])].join(" ");
    return `| ${subject} | ${text} | ${linked(source)} |`;
}

function count(severity: Rule["severity"]): number {
    return rules.filter((each) => each.severity === severity).length;
}

const known = thoughts();

describe("docs/rules.md", () => {
    it("has a thought for every rule", () => {
        expect([...known.keys()].sort()).toEqual(rules.map(({ id }) => id).sort());
    });

    it("lists the catalogue and every rule as the sources have them now", () => {
        const without = entries.filter((entry) => entry.rules === undefined && entry.configuration === undefined);
        const text = [
            "# Rules",
            "",
            "<!-- Written from lab/rules/: UPDATE_GOLDEN=1 npx vitest run tests/lab/rules-reference.test.ts -->",
            "",
            "Every lab is checked by these rules before anything is built. An error stops it; a warning or an info is shown.",
            "`CFG` findings are about the form of the configuration and about values for Helm charts, `ADR-CAP` findings about",
            "networks that are too small for what they must hold. Rules of an organisation (`ORG`) and about resources (`RES`)",
            "are the policy pack's: [policy.md](policy.md).",
            "",
            `${rules.length} rules: ${count("error")} errors, ${count("warning")} warnings, ${count("info")} infos. The catalogue has ${entries.length} subjects; for ${without.length} of them there is no`,
            "rule, with the reason why.",
            "",
            "## Catalogue",
            "",
            "What can be wrong with a Kubernetes BGP lab, and what finds it.",
            "",
            ...catalogue.flatMap(({ title, entries: own }) => [
                `### ${title}`,
                "",
                "| Subject | Found by | Source |",
                "|---|---|---|",
                ...own.map(entryRow),
                "",
            ]),
            "## Rules by topic",
            "",
            ...topics.flatMap(({ title, rules: own }) => [
                `### ${title}`,
                "",
                "| Rule | Severity | Thought | Source |",
                "|---|---|---|---|",
                ...own.map((rule) => row(rule, known.get(rule.id)!)),
                "",
            ]),
        ].join("\n");
        expectGolden(join(root, "docs", "rules.md"), text);
    });
});

describe("the catalogue", () => {
    it("names every rule, and rules that exist", () => {
        const named = entries.flatMap((entry) => entry.rules ?? []);
        expect([...new Set(named)].sort()).toEqual(
            rules
                .map(({ id }) => id)
                .filter((id) => named.includes(id))
                .sort(),
        );
        expect(rules.map(({ id }) => id).filter((id) => !named.includes(id))).toEqual([]);
    });

    it("names every finding about configuration, and no other", () => {
        const named = entries.flatMap((entry) => entry.configuration ?? []);
        expect([...new Set(named)].sort()).toEqual(configurationIds());
    });

    it.each(entries)("says what finds it, or why nothing does: $subject", (entry) => {
        const found = [...(entry.rules ?? []), ...(entry.configuration ?? [])];
        expect(new Set(found).size).toBe(found.length);
        expect(found.length + (entry.remark?.length ?? 0)).toBeGreaterThan(0);
    });

    it("and the rules lead to documents that can be opened", () => {
        const sources = [...entries, ...rules].flatMap(({ source }) => source.split("; "));
        const broken = sources.filter((document) => {
            const page = pageOf(document);
            return page === undefined ? linkOf(document) === undefined : !existsSync(join(root, "docs", page));
        });
        expect(broken).toEqual([]);
    });
});
