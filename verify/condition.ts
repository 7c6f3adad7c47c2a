import type { ConditionCheck, ObjectReference } from "./check";
import { list } from "./describe";
import type { Sight } from "./sight";

/** A condition of an object's status (meta/v1 Condition). */
interface Condition {
    readonly type?: string;
    readonly status?: string;
    readonly reason?: string;
    readonly message?: string;
}

/** What the checks read of an object; everything may be missing in one that is new. */
interface KubernetesJson {
    readonly metadata?: { readonly generation?: number; readonly deletionTimestamp?: string };
    readonly spec?: {
        readonly replicas?: number;
        readonly versions?: readonly { readonly name?: string; readonly served?: boolean }[];
    };
    readonly status?: {
        readonly conditions?: readonly Condition[];
        readonly observedGeneration?: number;
        readonly replicas?: number;
        readonly updatedReplicas?: number;
        readonly availableReplicas?: number;
        readonly desiredNumberScheduled?: number;
        readonly updatedNumberScheduled?: number;
        readonly numberAvailable?: number;
        readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] };
    };
}

function conditionOf(object: KubernetesJson, type: string): Condition | undefined {
    return object.status?.conditions?.find((condition) => condition.type === type);
}

/** A condition in a few words, e.g. `Ready is False: KubeletNotReady, container runtime network not ready`. */
function described({ type, status, reason = "", message = "" }: Condition): string {
    const why = [reason, message.trim()].filter((text) => text !== "").join(", ");
    return `${type} is ${status}${why === "" ? "" : `: ${why}`}`;
}

function condition(object: KubernetesJson, type: string): Sight {
    const found = conditionOf(object, type);
    return { holds: found?.status === "True", observed: found ? described(found) : `no condition ${type} yet` };
}

function noCondition(object: KubernetesJson, types: readonly string[]): Sight {
    const errors = types.flatMap((type) => conditionOf(object, type) ?? []).filter(({ status }) => status === "True");
    return {
        holds: errors.length === 0,
        observed: errors.length === 0 ? "no error" : errors.map(described).join("; "),
    };
}

/** Numbers of pods: wanted, of the latest generation, and available. */
interface Pods {
    readonly wanted: number;
    readonly updated: number;
    readonly available: number;
    /** All of the controller's pods, those of older generations too. */
    readonly all: number;
}

function deploymentPods({ spec = {}, status = {} }: KubernetesJson): Pods {
    const { updatedReplicas: updated = 0, availableReplicas: available = 0, replicas: all = 0 } = status;
    return { wanted: spec.replicas ?? 1, updated, available, all };
}

function daemonSetPods({ status = {} }: KubernetesJson): Pods {
    const {
        desiredNumberScheduled: wanted = 0,
        updatedNumberScheduled: updated = 0,
        numberAvailable: available = 0,
    } = status;
    return { wanted, updated, available, all: wanted };
}

/** As `kubectl rollout status` sees it: until the controller has seen the latest generation, its numbers say nothing. */
function rollout({ kind }: ObjectReference, object: KubernetesJson): Sight {
    const { generation = 0 } = object.metadata ?? {};
    if ((object.status?.observedGeneration ?? 0) < generation) {
        return { holds: false, observed: "its controller has not seen the latest change yet" };
    }
    const { wanted, updated, available, all } = kind === "DaemonSet" ? daemonSetPods(object) : deploymentPods(object);
    // A DaemonSet wants no pods before its controller has looked at the nodes.
    const done = updated === wanted && all === wanted && available === wanted && (wanted > 0 || kind !== "DaemonSet");
    const numbers = `${updated} of ${wanted} pods up to date, ${available} available`;
    const old = all > updated && kind !== "DaemonSet" ? `, ${all - updated} old ones left` : "";
    const failure = object.status?.conditions?.find(
        ({ type, status }) => type === "ReplicaFailure" && status === "True",
    );
    return { holds: done, observed: `${numbers}${old}${failure ? `; ${described(failure)}` : ""}` };
}

function served(object: KubernetesJson, version: string): Sight {
    const versions = (object.spec?.versions ?? []).flatMap(({ name, served: is }) => (is && name ? [name] : []));
    const established = condition(object, "Established");
    return established.holds
        ? { holds: versions.includes(version), observed: `established, serves ${list(versions)}` }
        : established;
}

/** LB-IPAM tells in a condition why it gives no address (Cilium operator, lbipam). */
const addressCondition = "cilium.io/IPAMRequestSatisfied";

function addresses(object: KubernetesJson, wanted: readonly string[]): Sight {
    const given = (object.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []).sort();
    const why = conditionOf(object, addressCondition);
    return {
        holds: given.join() === [...wanted].sort().join(),
        observed: `${list(given)}${why?.status === "False" ? `; ${described(why)}` : ""}`,
    };
}

/**
 * Whether an object is as wanted.
 *
 * @param check what is wanted
 * @param found the object as JSON; undefined when there is none
 */
export function evaluate({ object, wants }: ConditionCheck, found: unknown): Sight {
    if (found === undefined) {
        return { holds: false, observed: "not there" };
    }
    const json = found as KubernetesJson;
    if (json.metadata?.deletionTimestamp !== undefined) {
        return { holds: false, observed: "being deleted" };
    }
    switch (wants.kind) {
        case "condition":
            return condition(json, wants.type);
        case "no-condition":
            return noCondition(json, wants.types);
        case "rollout":
            return rollout(object, json);
        case "served":
            return served(json, wants.version);
        case "addresses":
            return addresses(json, wants.addresses);
    }
}
