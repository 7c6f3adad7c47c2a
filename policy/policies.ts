import type { ResourceValidationPolicy } from "@pulumi/policy";
import type { Lab } from "../lab/model";
import { rules, validate } from "../lab/rules";
import type { Finding } from "../lab/rules/findings";
import type { RuntimeName } from "../lab/rules/rule";

/** Type of the component whose inputs `model` and `runtime` are the whole lab: plain data, known in every preview. */
const labType = "bgplab:index:Lab";

/** Findings by URN. Every policy asks for them; a pack lives for one run, in which a lab has one model. */
const findingsByUrn = new Map<string, readonly Finding[]>();

function findingsOf(urn: string, { model, runtime }: Readonly<Record<string, unknown>>): readonly Finding[] {
    // A copy, because Pulumi's own object looks for unknown values at every read.
    const findings =
        findingsByUrn.get(urn) ?? validate(JSON.parse(JSON.stringify(model)) as Lab, runtime as RuntimeName);
    findingsByUrn.set(urn, findings);
    return findings;
}

/** What a rule is about: its id without the number, e.g. `bgp-asn`. */
function topicOf({ id }: { readonly id: string }): string {
    return id.replace(/-\d+$/, "").toLowerCase();
}

/** A set of rules on one topic that are enforced alike. */
interface Group {
    readonly name: string;
    readonly level: "mandatory" | "advisory";
    readonly ids: readonly string[];
}

/** Pulumi reads every resource once per policy, so policies are groups of rules, not single ones. */
function groups(): readonly Group[] {
    const names = [...new Set(rules.map((each) => `${topicOf(each)}${each.severity === "error" ? "" : "-advice"}`))];
    return names.map((name) => {
        const advice = name.endsWith("-advice");
        const ids = rules
            .filter((each) => topicOf(each) === name.replace(/-advice$/, "") && (each.severity !== "error") === advice)
            .map(({ id }) => id);
        return { name, level: advice ? "advisory" : "mandatory", ids };
    });
}

function policyOf({ name, level, ids }: Group): ResourceValidationPolicy {
    return {
        name,
        description: `${ids.join(", ")} (docs/rules.md)`,
        enforcementLevel: level,
        validateResource: ({ type, props, urn }, report) => {
            const found = type === labType ? findingsOf(urn, props) : [];
            for (const { id, at, says, fix, source } of found) {
                if (ids.includes(id)) {
                    report(`${id} ${at}: ${says}\n  fix: ${fix}    ${source}`);
                }
            }
        },
    };
}

/**
 * The rules as policies, asked of the lab's component before anything of the lab is made. (Of a whole stack Pulumi
 * shows policies the outputs of components only.) Errors are mandatory; warnings and infos of a topic are a policy of
 * their own, `…-advice`, and advisory. The pack's configuration may enforce each otherwise.
 */
export const policies: readonly ResourceValidationPolicy[] = groups().map(policyOf);
