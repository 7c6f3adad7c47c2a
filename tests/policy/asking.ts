/** Asks the pack's policies without an engine, the way the SDK's server does. */

import { type ResourceValidationArgs, unknownCheckingProxy } from "@pulumi/policy";
import type { Lab } from "../../lab/model";
import type { RuntimeName } from "../../lab/rules/rule";
import { policiesForRun } from "../../policy/policies";

/** A resource as an engine sends it: secrets and unknown values are marked in its inputs. */
export interface Sent {
    readonly type: string;
    readonly name: string;
    readonly inputs: object;
}

/** What policies reported, by the policy's name. */
export type Reported = Readonly<Record<string, readonly string[]>>;

class NotApplicable extends Error {}

/** What every policy reports about resources of one run, in their order. */
export async function ask(
    resources: readonly Sent[],
    config: Readonly<Record<string, object>> = {},
): Promise<Reported> {
    const reported: Record<string, string[]> = {};
    const policies = policiesForRun();
    for (const { type, name, inputs } of resources.map(asSent)) {
        for (const policy of policies) {
            for (const validate of [policy.validateResource].flat()) {
                if (validate === undefined) {
                    continue;
                }
                const args = {
                    type,
                    name,
                    urn: `urn:pulumi:dev::bgp-lab::${type}::${name}`,
                    props: unknownCheckingProxy(inputs),
                    getConfig: () => config[policy.name] ?? {},
                    notApplicable: (reason: string) => {
                        throw new NotApplicable(reason);
                    },
                } as unknown as ResourceValidationArgs;
                const report = (message: unknown) => {
                    const text = typeof message === "string" ? message : (message as { message: string }).message;
                    reported[policy.name] = [...(reported[policy.name] ?? []), text];
                };
                try {
                    await validate(args, report);
                } catch (error) {
                    if (!(error instanceof NotApplicable)) {
                        throw error;
                    }
                }
            }
        }
    }
    return reported;
}

/** What an engine sends has no absent values. */
function asSent(resource: Sent): Sent {
    return JSON.parse(JSON.stringify(resource)) as Sent;
}

/** The component of a lab, as an engine sends it. */
export function labComponent(model: Lab, runtime: RuntimeName = "netns"): Sent {
    return { type: "bgplab:index:Lab", name: model.name, inputs: { model, runtime } };
}
