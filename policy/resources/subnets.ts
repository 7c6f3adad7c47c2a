import { AddressError, contains, parsePrefix } from "../../lab/address";
import type { Lab } from "../../lab/model";
import { formatPath } from "../../lab/path";
import { listAt, textAt, valueAt } from "../inputs";
import { type Resource, type ResourceViolation, resourcePolicy } from "./policy";
import { networkType } from "./types";

/** Every network of the Docker engine is one that the lab planned: what Docker chooses by itself may be anything. */
export const plannedSubnets = resourcePolicy({
    id: "RES-NET-001",
    name: "planned-subnets",
    description: "Docker networks have subnets, and they are those of the lab's segments.",
    severity: "high",
    source: "Docker documentation, docker network create",
    remediation: "Add the network to the lab as a segment, or give it the subnet of one.",
    parameters: {},
    concerns: (type) => type === networkType,
    *check(resource, _, { labs }) {
        // Without a lab there is no plan to compare with.
        if (labs.length > 0) {
            yield* outside(resource, labs);
        }
    },
});

function* outside({ name, inputs }: Resource, labs: readonly Lab[]): Iterable<ResourceViolation> {
    const planned = labs.flatMap(({ segments }) => Object.values(segments).flatMap(({ subnets }) => subnets));
    const given = listAt(inputs, "ipamConfigs");
    // Of a list that is not known yet nothing can be said.
    const isUnknown = valueAt(inputs, "ipamConfigs") === undefined && hasKey(inputs, "ipamConfigs");
    if (given.length === 0 && !isUnknown) {
        yield {
            at: "ipamConfigs",
            says: `the network ${name} has no subnet, so that Docker takes one of its own pools, outside the plan`,
            fix: "give it the subnet of a segment",
        };
    }
    for (const { place } of given) {
        const at = [...place, "subnet"];
        const subnet = textAt(inputs, ...at);
        if (subnet !== undefined && !planned.some((segment) => lies(subnet, segment))) {
            yield {
                at: formatPath(at),
                says: `the network ${name} has the subnet ${subnet}, which no segment of the lab has`,
                fix: `use one of the lab's: ${planned.slice(0, 4).join(", ")}${planned.length > 4 ? ", …" : ""}`,
            };
        }
    }
}

/** Whether a subnet lies in that of a segment; what cannot be read lies nowhere. */
function lies(subnet: string, segment: string): boolean {
    try {
        parsePrefix(subnet);
        return contains(segment, subnet);
    } catch (error) {
        if (error instanceof AddressError) {
            return false;
        }
        throw error;
    }
}

function hasKey(inputs: Resource["inputs"], key: string): boolean {
    return typeof inputs === "object" && inputs !== null && key in inputs;
}
