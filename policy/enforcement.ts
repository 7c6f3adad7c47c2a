/** What the pack says about a lab, without Pulumi: the rules and an organisation's policies, as the configuration wants them enforced. */

import type { Lab } from "../lab/model";
import { formatPath } from "../lab/path";
import { inspect, isMalformed, type LocatedFinding } from "../lab/rules";
import type { Finding } from "../lab/rules/findings";
import type { RuntimeName } from "../lab/rules/rule";
import type { Configuration } from "./configuration";
import { groupPolicies } from "./groups";
import { organisationPolicies } from "./organisation";
import type { OrganisationPolicy } from "./organisation/policy";

/**
 * Everything that rules and policies say about a lab, with its places in the model. An organisation's policies are asked
 * of well-formed labs only.
 */
export function inspectWith(configuration: Configuration, lab: Lab, runtime: RuntimeName): readonly LocatedFinding[] {
    const found = inspect(lab, runtime);
    const policies = isMalformed(found) ? [] : organisationPolicies;
    return [
        ...found.flatMap((finding) => enforced(finding, configuration)),
        ...policies.flatMap((policy) => asked(policy, lab, configuration)),
    ];
}

const policyOf = new Map(groupPolicies.flatMap(({ name, rules }) => rules.map(({ id }) => [id, name] as const)));

/**
 * A finding as its policy is enforced. An error stays one, whatever the configuration says: the program itself refuses
 * such a lab, with and without a pack.
 */
function enforced<Found extends Finding>(finding: Found, { levelOf }: Configuration): readonly Found[] {
    const level = levelOf(policyOf.get(finding.id) ?? "");
    if (finding.severity === "error" || level === undefined || level === "advisory") {
        return [finding];
    }
    return level === "disabled" ? [] : [{ ...finding, severity: "error" }];
}

function asked(policy: OrganisationPolicy, lab: Lab, { levelOf, givenTo }: Configuration): readonly LocatedFinding[] {
    const { id, name, source } = policy;
    const level = levelOf(name) ?? "mandatory";
    const answer = level === "disabled" ? undefined : policy.ask(lab, givenTo(name));
    // Wrong parameters have been told with the configuration.
    if (answer?.kind !== "asked") {
        return [];
    }
    const severity = level === "advisory" ? "warning" : "error";
    return answer.violations.map(({ at, with: others = [], says, fix }) => {
        return { id, severity, at: formatPath(at), says, fix, source, place: at, others };
    });
}
