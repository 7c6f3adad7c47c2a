/** Types of resources that policies look at, and where their pods are. */

import type { Path } from "../../lab/path";
import { type Json, listAt, valueAt } from "../inputs";

/** A container on a Docker engine. */
export const containerType = "docker:index/container:Container";
/** An image that a Docker engine is to pull. */
export const remoteImageType = "docker:index/remoteImage:RemoteImage";
/** A network of a Docker engine. */
export const networkType = "docker:index/network:Network";
/** The component whose inputs are the whole lab. */
export const labType = "bgplab:index:Lab";

/** Where the pod is in the inputs of a resource of Kubernetes, by kind. */
const podPlaces: Readonly<Record<string, Path>> = {
    Pod: ["spec"],
    Deployment: ["spec", "template", "spec"],
    DaemonSet: ["spec", "template", "spec"],
    StatefulSet: ["spec", "template", "spec"],
    ReplicaSet: ["spec", "template", "spec"],
    ReplicationController: ["spec", "template", "spec"],
    Job: ["spec", "template", "spec"],
    CronJob: ["spec", "jobTemplate", "spec", "template", "spec"],
};

/** Where the pod is in the inputs of a resource; nothing for a resource that has none. */
export function podPlace(type: string): Path | undefined {
    const kind = /^kubernetes:(?:core|apps|batch|extensions)\/\w+:(\w+)$/.exec(type)?.[1];
    return kind === undefined ? undefined : podPlaces[kind];
}

/** Whether a resource is a release of a Helm chart. */
export function isRelease(type: string): boolean {
    return /^kubernetes:helm\.sh\/v\d+:Release$/.test(type);
}

/** The containers of a pod, of whatever kind, with their places. */
export function podContainers(inputs: Json, pod: Path): readonly { readonly place: Path; readonly value: Json }[] {
    return ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
        valueAt(inputs, ...pod) === undefined ? [] : listAt(inputs, ...pod, list),
    );
}
