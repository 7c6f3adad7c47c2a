/** The policies of the pack, as Pulumi asks them. */

import type {
    ReportViolation,
    ResourceValidation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
} from "@pulumi/policy";
import type { Lab } from "../lab/model";
import { formatPath } from "../lab/path";
import { isMalformed, validate } from "../lab/rules";
import type { Finding } from "../lab/rules/findings";
import { linkOf } from "../lab/rules/links";
import type { RuntimeName } from "../lab/rules/rule";
import type { Described } from "./described";
import { groupPolicies } from "./groups";
import type { RulePolicy } from "./groups/group";
import { isKnown, type Json, textAt, valueAt, visit } from "./inputs";
import { organisationPolicies } from "./organisation";
import type { OrganisationPolicy } from "./organisation/policy";
import type { Declared, Given, Problem } from "./parameters";
import { inputsOf } from "./reading";
import { resourcePolicies } from "./resources";
import type { ResourcePolicy } from "./resources/policy";
import { shortestSecret } from "./resources/secrets";
import { labType } from "./resources/types";

/** A lab as its component has it: plain data, known in every preview. */
interface DescribedLab {
    /** What the rules say about it. */
    readonly findings: readonly Finding[];
    /** The lab, where its texts can be read, so that its meaning can be asked about. */
    readonly wellFormed?: Lab;
}

/** What the run has shown so far. A pack lives for one run, in which a component is registered once. */
interface Run {
    readonly labs: Map<string, DescribedLab>;
    readonly secrets: Set<string>;
    /** Inputs whose secrets have been noted. */
    readonly noted: WeakSet<object>;
    /** Problems of configuration that have been told. */
    readonly told: Set<string>;
}

/**
 * The pack's policies for one run. Of a whole stack Pulumi shows policies the outputs of components only: so all policies
 * look at single resources, and those on labs at the component whose input is the whole model.
 */
export function policiesForRun(): readonly ResourceValidationPolicy[] {
    const run: Run = { labs: new Map(), secrets: new Set(), noted: new WeakSet(), told: new Set() };
    return [
        ...groupPolicies.map((policy) => ofGroup(policy, run)),
        ...organisationPolicies.map((policy) => ofOrganisation(policy, run)),
        ...resourcePolicies.map((policy) => ofResources(policy, run)),
    ];
}

function ofGroup(policy: RulePolicy, run: Run): ResourceValidationPolicy {
    const ids = new Set(policy.rules.map(({ id }) => id));
    return {
        ...told(policy, policy.isAdvice ? ["advice"] : ["rules"]),
        enforcementLevel: policy.isAdvice ? "advisory" : "mandatory",
        validateResource: ofLabs(({ urn, props }, report) => {
            const findings = labOf(urn, inputsOf(props), run).findings.filter(({ id }) => ids.has(id));
            for (const finding of policy.isAdvice ? shortened(findings) : findings) {
                report(text(finding));
            }
        }),
    };
}

function ofOrganisation(policy: OrganisationPolicy, run: Run): ResourceValidationPolicy {
    const { id, source, parameters } = policy;
    return {
        ...told(policy, ["organisation"]),
        enforcementLevel: "mandatory",
        configSchema: schemaOf(parameters),
        validateResource: ofLabs(({ urn, props, getConfig, notApplicable }, report) => {
            const { wellFormed } = labOf(urn, inputsOf(props), run);
            if (wellFormed === undefined) {
                return notApplicable("the lab cannot be read; see the rules on the address plan");
            }
            const asked = policy.ask(wellFormed, getConfig<Given>());
            switch (asked.kind) {
                case "not-applicable":
                    return notApplicable(`nobody gave it a parameter: ${Object.keys(parameters).join(", ")}`);
                case "wrong":
                    return complain(asked.problems, report, run);
                case "asked":
                    for (const { at, says, fix } of asked.violations) {
                        report(text({ id, at: formatPath(at), says, fix, source }));
                    }
            }
        }),
    };
}

function ofResources(policy: ResourcePolicy, run: Run): ResourceValidationPolicy {
    const { id, source, parameters } = policy;
    return {
        ...told(policy, ["resources"]),
        enforcementLevel: "mandatory",
        configSchema: schemaOf(parameters),
        validateResource: ({ type, name, urn, props, getConfig }, report) => {
            const inputs = inputsOf(props);
            if (type === labType) {
                labOf(urn, inputs, run);
            }
            noteSecrets(inputs, run);
            if (!policy.concerns(type)) {
                return;
            }
            const labs = [...run.labs.values()].flatMap(({ wellFormed }) => wellFormed ?? []);
            const asked = policy.ask({ type, name, inputs }, getConfig<Given>(), { labs, secrets: run.secrets });
            if (asked.kind === "wrong") {
                complain(asked.problems, report, run);
                return;
            }
            for (const violation of asked.violations) {
                report(text({ id, source, ...violation }));
            }
        },
    };
}

/** Advice that is the same in many places is given once: a lab has hundreds of sessions, and they are alike. */
function shortened(findings: readonly Finding[]): readonly Finding[] {
    const alike = new Map<string, readonly Finding[]>();
    for (const finding of findings) {
        const key = JSON.stringify([finding.id, finding.fix]);
        alike.set(key, [...(alike.get(key) ?? []), finding]);
    }
    return [...alike.values()].map(([first, ...others]) =>
        others.length === 0 ? first! : { ...first!, says: `${first!.says} (and ${others.length} more like this)` },
    );
}

/**
 * Asks about labs only. The SDK's validateResourceOfType does that too, but tells the engine of every resource which policies
 * it is not for: of a lab with 200 nodes that takes longer than all policies.
 */
function ofLabs(validation: (args: ResourceValidationArgs, report: ReportViolation) => void): ResourceValidation {
    return (args, report) => {
        if (args.type === labType) {
            validation(args, report);
        }
    };
}

function told({ name, description, severity, source, remediation }: Described, tags: string[]) {
    const url = linkOf(source);
    return { name, description, severity, remediationSteps: remediation, tags, ...(url === undefined ? {} : { url }) };
}

function schemaOf(parameters: Declared) {
    return { properties: Object.fromEntries(Object.entries(parameters).map(([name, { schema }]) => [name, schema])) };
}

/** The lab of a component. Every policy asks for it, and its rules take most of the time that all policies take. */
function labOf(urn: string, inputs: Json, { labs }: Run): DescribedLab {
    const known = labs.get(urn);
    if (known !== undefined) {
        return known;
    }
    const lab = describe(valueAt(inputs, "model"), textAt(inputs, "runtime") as RuntimeName | undefined);
    labs.set(urn, lab);
    return lab;
}

/** A program of somebody else's may make a lab of what is not known yet; of that nothing can be said. */
function describe(model: Json | undefined, runtime: RuntimeName | undefined): DescribedLab {
    if (!isKnown(model)) {
        return { findings: [] };
    }
    const lab = model as unknown as Lab;
    const findings = validate(lab, runtime);
    return { findings, ...(isMalformed(findings) ? {} : { wellFormed: lab }) };
}

function noteSecrets(inputs: Json, { secrets, noted }: Run): void {
    if (typeof inputs !== "object" || inputs === null || noted.has(inputs)) {
        return;
    }
    noted.add(inputs);
    visit(inputs, (value, isSecret) => {
        if (isSecret && typeof value === "string" && value.length >= shortestSecret) {
            secrets.add(value);
        }
    });
}

type Told = Pick<Finding, "id" | "at" | "says" | "fix" | "source">;

function text({ id, at, says, fix, source }: Told): string {
    const link = linkOf(source);
    return `${id} ${at}: ${says}\n  fix: ${fix}    ${source}${link === undefined ? "" : ` ${link}`}`;
}

/** A violation with its own level, which the SDK takes, but does not declare. */
type Report = (violation: { readonly message: string; readonly enforcementLevel: "mandatory" }) => void;

/** A policy that cannot be asked must not look as if it were kept: wrong parameters stop, whatever the policy's level. */
function complain(problems: readonly Problem[], report: ReportViolation, { told: known }: Run): void {
    for (const { at, says, fix } of problems.filter((problem) => !known.has(problem.at))) {
        known.add(at);
        const message = `the configuration of the policy is wrong: ${at}: ${says}\n  fix: ${fix}`;
        (report as unknown as Report)({ message, enforcementLevel: "mandatory" });
    }
}
