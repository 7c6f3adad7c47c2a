/** Pods and CiliumBGPClusterConfigs of a cluster, through its API. */

import {
    type ConfigurationOptions,
    CoreV1Api,
    CustomObjectsApi,
    type KubeConfig,
    Observable,
    PatchStrategy,
    type RequestContext,
    type ResponseContext,
    type V1Pod,
    Watch,
} from "@kubernetes/client-node";
import { virtualAddressesAnnotation } from "../provider/schema";
import {
    appliedPeers,
    type CiliumPodSelector,
    fieldManager,
    type ObservedConfig,
    settingsOf,
    stateOf,
} from "./cilium-peers";
import type { PodSource, Target } from "./loop";
import type { AnnouncingPod } from "./node-routes";

/** How long the API server may take. */
export interface Patience {
    /** Milliseconds for an answer. @default 10,000 */
    readonly answer?: number;
    /** Seconds after which the API server ends a watch, so that one over a dead connection does not last. @default 60 */
    readonly watch?: number;
}

/** A Pod that ends or has ended is nobody's neighbor, and neither is one that has no node yet. */
function observed({ metadata, spec, status }: V1Pod): AnnouncingPod | undefined {
    const isOver =
        metadata?.deletionTimestamp !== undefined || status?.phase === "Succeeded" || status?.phase === "Failed";
    if (isOver || spec?.nodeName === undefined) {
        return undefined;
    }
    return {
        namespace: metadata?.namespace ?? "",
        name: metadata?.name ?? "",
        uid: metadata?.uid ?? "",
        node: spec.nodeName,
        labels: metadata?.labels,
        addresses: (status?.podIPs ?? []).map(({ ip }) => ip),
        virtualAddresses: (metadata?.annotations?.[virtualAddressesAnnotation] ?? "").split(",").filter(Boolean),
        ...(spec.hostNetwork === true ? { unfit: "it shares the addresses of its node" } : {}),
    };
}

/** Pods with what they say of themselves. */
export interface AnnouncingPods extends PodSource {
    watch(onPods: (pods: readonly AnnouncingPod[]) => void, signal: AbortSignal): Promise<void>;
}

/** Milliseconds that a watch lasts at least; one that ends before is not begun again at once. */
const shortest = 1_000;

/**
 * The Pods of some namespaces. Each namespace is listed and then watched, and listed again when the watch has had its time;
 * when one of them fails, all are begun anew by who asked for them.
 */
export function podsOf(config: KubeConfig, namespaces: readonly string[], patience: Patience = {}): AnnouncingPods {
    const { answer = 10_000, watch: seconds = 60 } = patience;
    const api = config.makeApiClient(CoreV1Api);
    return {
        async watch(onPods, signal) {
            const known = new Map<string, ReadonlyMap<string, V1Pod>>();
            const tell = () => {
                if (known.size === namespaces.length) {
                    const pods = [...known.values()].flatMap((each) => [...each.values()]);
                    onPods(pods.flatMap((pod) => observed(pod) ?? []));
                }
            };
            const ended = new AbortController();
            const until = AbortSignal.any([signal, ended.signal]);
            const follow = async (namespace: string) => {
                for (let lasted = shortest; lasted >= shortest && !until.aborted; ) {
                    const began = performance.now();
                    const { metadata, items } = await api.listNamespacedPod({ namespace }, within(answer));
                    const pods = new Map(items.map((pod) => [pod.metadata?.uid ?? "", pod]));
                    known.set(namespace, pods);
                    tell();
                    const watched = { namespace, resourceVersion: metadata?.resourceVersion, seconds, answer };
                    await watchPods(config, watched, until, (type, pod) => {
                        const uid = pod.metadata?.uid ?? "";
                        if (type === "DELETED") {
                            pods.delete(uid);
                        } else {
                            pods.set(uid, pod);
                        }
                        tell();
                    });
                    lasted = performance.now() - began;
                }
            };
            try {
                await Promise.race(namespaces.map(follow));
            } finally {
                ended.abort();
            }
        },
    };
}

/**
 * Watches the Pods of a namespace from a version on. Settles when the API server ends it, which it does when its time is
 * over or the version is too old, and when nothing is heard of that either.
 */
function watchPods(
    config: KubeConfig,
    { namespace, resourceVersion, seconds, answer }: WatchedNamespace,
    signal: AbortSignal,
    onPod: (type: string, pod: V1Pod) => void,
): Promise<void> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
    const silent = AbortSignal.timeout(seconds * 1_000 + answer);
    const until = AbortSignal.any([signal, silent]);
    return new Promise((resolve, reject) => {
        const end = (error?: unknown) => (error ? reject(error) : resolve());
        const onEvent = (type: string, object: V1Pod & Status) => {
            if (type === "ERROR") {
                end(new Error(`the watch was ended with ${object.code}: ${object.message}`));
            } else {
                onPod(type, object);
            }
        };
        const request = new Watch(config).watch(path, { resourceVersion, timeoutSeconds: seconds }, onEvent, end);
        until.addEventListener("abort", () => {
            void request.then((open) => open.abort());
            end(silent.aborted ? new Error(`the watch did not end after ${seconds} s`) : undefined);
        });
    });
}

/** What is watched, and for how long. */
interface WatchedNamespace {
    readonly namespace: string;
    readonly resourceVersion: string | undefined;
    readonly seconds: number;
    /** Milliseconds that the end may be late. */
    readonly answer: number;
}

/** What the API server says in place of an object. */
interface Status {
    readonly code?: number;
    readonly message?: string;
}

const resource = { group: "cilium.io", version: "v2", plural: "ciliumbgpclusterconfigs" } as const;

/**
 * A CiliumBGPClusterConfig whose peers follow the Pods.
 *
 * @param name of the configuration
 * @param nodes those that its selector means
 */
export function ciliumTarget(
    config: KubeConfig,
    name: string,
    nodes: readonly string[],
    { answer = 10_000 }: Patience = {},
): Target<CiliumPodSelector> {
    const api = config.makeApiClient(CustomObjectsApi);
    const read = configReader(config, name, { answer });
    return {
        name: `CiliumBGPClusterConfig ${name}`,
        settings: settingsOf,
        async open() {
            let seen: ObservedConfig | undefined;
            return {
                // Nothing is held that could go: each look is a request of its own.
                gone: new Promise<never>(() => {}),
                async observe() {
                    seen = await read();
                    return stateOf(seen, nodes);
                },
                async apply({ wanted, actions }, done) {
                    const body = appliedPeers(seen!, wanted);
                    const request = { ...resource, name, body, fieldManager, force: true };
                    await api.patchClusterCustomObject(request, within(answer, PatchStrategy.ServerSideApply));
                    actions.forEach(done);
                },
                close() {},
            };
        },
    };
}

/** Reads a CiliumBGPClusterConfig. */
export function configReader(
    config: KubeConfig,
    name: string,
    { answer = 10_000 }: Patience = {},
): () => Promise<ObservedConfig> {
    const api = config.makeApiClient(CustomObjectsApi);
    return async () => (await api.getClusterCustomObject({ ...resource, name }, within(answer))) as ObservedConfig;
}

/** Options of a request that must be answered in time. */
function within(milliseconds: number, contentType?: string): ConfigurationOptions {
    const of = <T>(value: T) => new Observable(Promise.resolve(value));
    return {
        middleware: [
            {
                pre(request: RequestContext) {
                    request.setSignal(AbortSignal.timeout(milliseconds));
                    if (contentType !== undefined) {
                        request.setHeaderParam("Content-Type", contentType);
                    }
                    return of(request);
                },
                post: (response: ResponseContext) => of(response),
            },
        ],
        middlewareMergeStrategy: "append",
    };
}
