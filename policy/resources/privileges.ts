import type { Lab } from "../../lab/model";
import { formatPath, type Path } from "../../lab/path";
import { podRouters } from "../../lab/pods";
import { type Json, listAt, textAt, valueAt } from "../inputs";
import { texts } from "../parameters";
import { type Resource, type ResourceViolation, resourcePolicy } from "./policy";
import { containerType, podContainers, podPlace } from "./types";

/** What a container of a lab needs beyond what Docker gives to every container, and why. */
interface Needs {
    /** All rights on the machine. */
    readonly privileged: boolean;
    /** Linux capabilities. */
    readonly capabilities: readonly string[];
    /** Folders of the machine. */
    readonly folders: readonly string[];
}

/** Hosts, and the sidecars of nodes and routers, set their own addresses and routes, and ping. */
export const hostNeeds: Needs = { privileged: false, capabilities: ["NET_ADMIN", "NET_RAW"], folders: [] };

/** FRR's zebra also asks for SYS_ADMIN. */
export const frrNeeds: Needs = { ...hostNeeds, capabilities: [...hostNeeds.capabilities, "SYS_ADMIN"] };

/** VyOS is a whole system with an init of its own, and loads kernel modules. */
export const vyosNeeds: Needs = { ...hostNeeds, privileged: true, folders: ["/lib/modules"] };

/** What a pod may have of its node. */
interface PodNeeds {
    readonly hostNetwork: boolean;
    readonly capabilities: readonly string[];
}

/** The DaemonSet that makes nodes' routes to pods that are routers. */
const nodeRoutes = "bgp-lab-system/node-routes";

/** FRR in a pod, which has none of the capabilities that Docker gives by itself, and changes its user. */
const podRouterCapabilities = [
    ...frrNeeds.capabilities,
    "NET_BIND_SERVICE",
    "SETUID",
    "SETGID",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "KILL",
];

/** No container has more rights on the machine than the lab needs. */
export const neededPrivileges = resourcePolicy({
    id: "RES-PRV-001",
    name: "needed-privileges",
    description: "Containers and pods have no rights on the machine that the lab does not need.",
    severity: "critical",
    source: "Kubernetes documentation, pod security standards",
    remediation: "Take the right away; if the container must have it, name the resource in `except`.",
    parameters: {
        except: texts("Names of resources that may have any rights."),
    },
    concerns: (type) => type === containerType || podPlace(type) !== undefined,
    *check(resource, { except = [] }, { labs }) {
        if (!except.includes(resource.name)) {
            yield* resource.type === containerType ? dockerRights(resource, labs) : podRights(resource, labs);
        }
    },
});

/** A device's container has the name of the device; what has another name is a sidecar or a stranger. */
function needsOf(name: string, labs: readonly Lab[]): Needs {
    const nos = labs.map(({ routers }) => routers[name]?.nos).find((each) => each !== undefined);
    switch (nos) {
        case "vyos":
            return vyosNeeds;
        case "frr":
            return frrNeeds;
        case undefined:
            return hostNeeds;
    }
}

function* dockerRights({ name, inputs }: Resource, labs: readonly Lab[]): Iterable<ResourceViolation> {
    const needs = needsOf(name, labs);
    if (valueAt(inputs, "privileged") === true && !needs.privileged) {
        yield taken(["privileged"], `${name} is privileged, which it does not need`, "remove privileged");
    }
    for (const { place, value } of listAt(inputs, "capabilities", "adds")) {
        if (typeof value === "string" && !needs.capabilities.includes(value.replace(/^CAP_/, ""))) {
            yield taken(place, `${name} has the capability ${value}, which it does not need`, "remove it");
        }
    }
    for (const mode of ["networkMode", "pidMode", "ipcMode", "usernsMode"]) {
        if (textAt(inputs, mode) === "host") {
            yield taken([mode], `${name} is in the machine's own namespace`, `remove ${mode}`);
        }
    }
    for (const { place, value } of listAt(inputs, "securityOpts")) {
        if (typeof value === "string" && /unconfined|label[=:]disable/.test(value)) {
            yield taken(place, `${name} is not confined: ${value}`, "remove it");
        }
    }
    for (const { place } of listAt(inputs, "devices")) {
        yield taken(place, `${name} has a device of the machine`, "remove it");
    }
    for (const [place, folder] of dockerFolders(inputs)) {
        if (!needs.folders.includes(folder)) {
            yield taken(place, `${name} has ${folder} of the machine`, "remove it, or use a volume");
        }
    }
}

/** Folders of the machine that a container has, as volumes or as mounts. */
function dockerFolders(inputs: Json): readonly (readonly [Path, string])[] {
    const volumes = listAt(inputs, "volumes").map(({ place }) => [...place, "hostPath"]);
    const mounts = listAt(inputs, "mounts")
        .filter(({ place }) => textAt(inputs, ...place, "type") === "bind")
        .map(({ place }) => [...place, "source"]);
    return [...volumes, ...mounts].flatMap((place) => {
        const folder = textAt(inputs, ...place);
        return folder === undefined || folder === "" ? [] : [[place, folder] as const];
    });
}

/** Pods of a lab only answer HTTP, but for those that are routers, and what makes nodes' routes to these. */
export function podNeedsOf(name: string, labs: readonly Lab[]): PodNeeds {
    const pods = labs.flatMap(podRouters);
    if (pods.some((each) => name === `${each.pod.namespace}/${each.name}`)) {
        return { hostNetwork: false, capabilities: podRouterCapabilities };
    }
    return pods.length > 0 && name === nodeRoutes
        ? { hostNetwork: true, capabilities: ["NET_ADMIN"] }
        : { hostNetwork: false, capabilities: [] };
}

function* podRights({ type, name, inputs }: Resource, labs: readonly Lab[]): Iterable<ResourceViolation> {
    const pod = podPlace(type) ?? [];
    const needs = podNeedsOf(name, labs);
    for (const key of ["hostNetwork", "hostPID", "hostIPC"]) {
        if (valueAt(inputs, ...pod, key) === true && !(key === "hostNetwork" && needs.hostNetwork)) {
            yield taken([...pod, key], `pods of ${name} are in the node's own namespace`, `remove ${key}`);
        }
    }
    for (const { place } of listAt(inputs, ...pod, "volumes")) {
        const folder = textAt(inputs, ...place, "hostPath", "path");
        if (folder !== undefined) {
            yield taken([...place, "hostPath"], `pods of ${name} have ${folder} of the node`, "remove it");
        }
    }
    for (const { place } of podContainers(inputs, pod)) {
        const context = [...place, "securityContext"];
        if (valueAt(inputs, ...context, "privileged") === true) {
            yield taken([...context, "privileged"], `pods of ${name} are privileged`, "remove privileged");
        }
        const added = listAt(inputs, ...context, "capabilities", "add");
        for (const { place: at, value } of added.filter((each) => !needs.capabilities.includes(String(each.value)))) {
            const says = `pods of ${name} have the capability ${String(value)}, which they do not need`;
            yield taken(at, says, "remove it");
        }
    }
}

function taken(place: Path, says: string, fix: string): ResourceViolation {
    return { at: formatPath(place), says, fix };
}
