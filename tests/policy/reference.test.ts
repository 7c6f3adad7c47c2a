import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { linkOf } from "../../lab/rules/links";
import { readConfiguration } from "../../policy/configuration";
import type { Configurable } from "../../policy/described";
import { groupPolicies, groups } from "../../policy/groups";
import { organisationPolicies } from "../../policy/organisation";
import type { Declared } from "../../policy/parameters";
import { resourcePolicies } from "../../policy/resources";
import { expectGolden } from "../golden";

const page = join(resolve(__dirname, "../.."), "docs", "policy.md");

function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
    const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}

function link(source: string): string {
    const url = linkOf(source);
    return url === undefined ? source : `[${source}](${url})`;
}

function groupRows(): readonly (readonly string[])[] {
    return groups.map((group) => {
        const own = groupPolicies.filter((policy) => policy.group === group);
        const names = own.map(({ name, isAdvice }) => `\`${name}\` (${isAdvice ? "advisory" : "mandatory"})`);
        const ids = [...new Set(own.flatMap(({ rules }) => rules).map(({ id }) => id.slice(0, id.lastIndexOf("-"))))];
        return [names.join(", "), group.subject, ids.join(", "), link(group.source)];
    });
}

function sections(policies: readonly Configurable<Declared>[]): readonly string[] {
    return policies.flatMap(({ id, name, description, severity, source, remediation, parameters }) => [
        `**\`${name}\`** · ${id} · mandatory · severity ${severity} · ${link(source)}`,
        "",
        `${description} ${remediation}`,
        "",
        ...Object.entries(parameters).map(([parameter, { description: meaning, schema }]) => {
            const fallback = schema.default === undefined ? "" : ` Default: \`${JSON.stringify(schema.default)}\`.`;
            return `- \`${parameter}\`: ${meaning}${fallback}`;
        }),
        ...(Object.keys(parameters).length === 0 ? ["It has no parameters."] : []),
        "",
    ]);
}

describe("docs/policy.md", () => {
    it("shows a configuration that the pack takes", () => {
        const [, example = ""] = /```json\n([\s\S]*?)```/.exec(readFileSync(page, "utf8")) ?? [];
        expect(readConfiguration(JSON.parse(example))).toMatchObject({ kind: "read" });
    });

    it("lists every policy with its parameters as the sources have them now", () => {
        const generated = [
            "<!-- begin policies -->",
            "<!-- Written from policy/: UPDATE_GOLDEN=1 npx vitest run tests/policy/reference.test.ts -->",
            "",
            "## Groups of rules",
            "",
            ...table(["policies", "on", "rules", "read first"], groupRows()),
            "",
            "## Policies of an organisation",
            "",
            "Each is asked as soon as it has a parameter.",
            "",
            ...sections(organisationPolicies),
            "## Policies on resources",
            "",
            ...sections(resourcePolicies),
            "<!-- end -->",
        ].join("\n");
        const text = readFileSync(page, "utf8");
        expectGolden(
            page,
            text.replace(/<!-- begin policies -->[\s\S]*<!-- end -->/, () => generated),
        );
    });
});
