/** What a container of a pod is doing (core/v1 ContainerStatus). */
interface ContainerJson {
    readonly name?: string;
    readonly image?: string;
    readonly ready?: boolean;
    readonly state?: {
        readonly waiting?: { readonly reason?: string; readonly message?: string };
        readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
    };
    readonly lastState?: { readonly terminated?: { readonly reason?: string; readonly exitCode?: number } };
}

interface PodJson {
    readonly metadata: { readonly namespace?: string; readonly name: string };
    readonly spec?: { readonly nodeName?: string };
    readonly status?: {
        readonly phase?: string;
        readonly conditions?: readonly {
            readonly type?: string;
            readonly status?: string;
            readonly message?: string;
        }[];
        readonly initContainerStatuses?: readonly ContainerJson[];
        readonly containerStatuses?: readonly ContainerJson[];
    };
}

interface EventJson {
    readonly involvedObject?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
    readonly message?: string;
    readonly lastTimestamp?: string | null;
}

/** Why a pod is not ready, and what to do about it. */
interface Trouble {
    readonly reason: string;
    readonly detail: string;
    readonly fix: string;
}

/** Pods that are described; where more are in trouble, it is most often the same one. */
const most = 8;

const noImage = new Set(["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"]);

function condition({ status }: PodJson, type: string) {
    return status?.conditions?.find((each) => each.type === type);
}

function isReady(pod: PodJson): boolean {
    return pod.status?.phase === "Succeeded" || condition(pod, "Ready")?.status === "True";
}

/** The latest warning about a pod; a message of its own says more than that it is waiting. */
function warning({ metadata }: PodJson, events: readonly EventJson[]): string {
    const own = events.filter(
        ({ involvedObject: of }) =>
            of?.kind === "Pod" && of.name === metadata.name && of.namespace === metadata.namespace,
    );
    const latest = own.reduce<EventJson | undefined>(
        (last, each) => ((each.lastTimestamp ?? "") >= (last?.lastTimestamp ?? "") ? each : last),
        undefined,
    );
    return latest?.message ?? "";
}

/** The first container that does not do what it should, an init container before the others. */
function stuck({ status }: PodJson): ContainerJson | undefined {
    const init = (status?.initContainerStatuses ?? []).filter(({ ready }) => ready !== true);
    const own = (status?.containerStatuses ?? []).filter(({ ready }) => ready !== true);
    return [...init, ...own].find(({ state }) => state?.waiting || state?.terminated) ?? own[0];
}

function troubleOf(pod: PodJson, events: readonly EventJson[], cluster: string): Trouble {
    const { namespace = "default", name } = pod.metadata;
    const look = `look at it: kubectl -n ${namespace} describe pod ${name}`;
    const scheduled = condition(pod, "PodScheduled");
    if (scheduled?.status === "False") {
        const fix = "change what the workload asks of its nodes, or start the nodes that are missing";
        return { reason: "no node takes it", detail: scheduled.message ?? "", fix };
    }
    const { name: container = "", image = "", state = {}, lastState = {} } = stuck(pod) ?? {};
    const reason = state.waiting?.reason ?? state.terminated?.reason ?? pod.status?.phase ?? "Unknown";
    if (noImage.has(reason)) {
        const fix = `load it into the nodes (kind load docker-image ${image} --name ${cluster}), or set another one in bgp-lab:docker.images`;
        return { reason, detail: state.waiting?.message ?? "", fix };
    }
    const ended = state.terminated ?? lastState.terminated;
    if (ended?.exitCode !== undefined && ended.exitCode !== 0) {
        const fix = `read why: kubectl -n ${namespace} logs ${name} -c ${container} --previous`;
        return { reason, detail: `${container} ended with exit code ${ended.exitCode}`, fix };
    }
    return { reason, detail: warning(pod, events) || (state.waiting?.message ?? ""), fix: look };
}

/** One line of a message that may have many. */
function line(text: string): string {
    const flat = text.replace(/\s+/g, " ").trim();
    return flat.length <= 300 ? flat : `${flat.slice(0, 299)}…`;
}

/**
 * The pods of a cluster that are not ready, why, and what to do about it.
 *
 * @param pods pods as JSON
 * @param events warnings of the cluster as JSON
 * @param cluster name of the kind cluster
 * @returns text of two lines for each pod; empty when all are ready
 */
export function describePods(pods: readonly unknown[], events: readonly unknown[], cluster: string): string {
    const troubled = (pods as readonly PodJson[]).filter((pod) => !isReady(pod));
    const lines = troubled.slice(0, most).map((pod) => {
        const { reason, detail, fix } = troubleOf(pod, events as readonly EventJson[], cluster);
        const where = pod.spec?.nodeName === undefined ? "" : ` on ${pod.spec.nodeName}`;
        const why = detail === "" ? reason : `${reason}, ${line(detail)}`;
        return `  pod ${pod.metadata.namespace}/${pod.metadata.name}${where}: ${why}\n    fix: ${fix}`;
    });
    const left = troubled.length - lines.length;
    return [...lines, ...(left > 0 ? [`  and ${left} more pods are not ready`] : [])].join("\n");
}
