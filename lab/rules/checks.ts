import { namedDevices } from "../devices";
import type { Address, Lab, Pod, Service, TrafficCheck } from "../model";
import { advertisingNodes } from "../services";
import { virtualServersAt } from "./placed-pods";
import { rule } from "./rule";

/** A check is made by a device or a pod of the lab. */
export const checksHaveHosts = rule({
    id: "CHK-001",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        const hosts = Object.keys(lab.hosts);
        const askers = new Set([...namedDevices(lab).map(([name]) => name), ...podsByName(lab).keys()]);
        for (const [index, { from }] of lab.checks.entries()) {
            if (!askers.has(from)) {
                yield {
                    at: ["checks", index, "from"],
                    says: `a check is made from ${from}, which is no device or pod of the lab`,
                    fix: hosts.length === 0 ? "add a host" : `use one of ${hosts.join(", ")}`,
                };
            }
        }
    },
});

/** A service check asks a service or a virtual server, and one of silence does not, unless nobody announces it to the one who asks. */
export const checksAskServices = rule({
    id: "CHK-002",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const [index, check] of lab.checks.entries()) {
            if (check.kind === "pod" || check.kind === "passage") {
                continue;
            }
            const port =
                check.kind === "service" ? check.port : check.probe.kind === "tcp" ? check.probe.port : undefined;
            const service = port === undefined ? undefined : findService(lab, check.address, port);
            const isVirtual = port !== undefined && virtualServersAt(lab, check.address, port).length > 0;
            const target = port === undefined ? check.address : `${check.address} port ${port}`;
            if (check.kind === "service" && service === undefined && !isVirtual) {
                yield {
                    at: ["checks", index],
                    says: `${target} should answer, but is no service`,
                    fix: "compare the check with the services' addresses and ports",
                };
            }
            const isService = service !== undefined && isReached(lab, check.from, service);
            if (check.kind === "silence" && (isService || isVirtual)) {
                yield {
                    at: ["checks", index],
                    says: `${target} should be silent, but is a service`,
                    fix: "compare the check with the services' addresses and ports",
                };
            }
        }
    },
});

/** The pods that should answer exist. */
export const checkedPodsExist = rule({
    id: "CHK-003",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        const pods = podsByName(lab);
        for (const [index, check] of lab.checks.entries()) {
            for (const name of askedPods(check).filter((pod) => !pods.has(pod))) {
                yield {
                    at: ["checks", index, check.kind === "pod" ? "pod" : "pods"],
                    says: `the pod ${name} should answer, but does not exist`,
                    fix: "name pods of the workloads",
                };
            }
        }
    },
});

/** A pod is asked by an address and on the port that it has. */
export const checkedPodsHaveAddresses = rule({
    id: "CHK-004",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        const pods = podsByName(lab);
        for (const [index, check] of lab.checks.entries()) {
            const pod = check.kind === "pod" ? pods.get(check.pod) : undefined;
            if (check.kind !== "pod" || pod === undefined) {
                continue;
            }
            const isAddress = pod.addresses.includes(check.address);
            if (!isAddress || pod.port !== check.port) {
                yield {
                    at: ["checks", index, isAddress ? "port" : "address"],
                    says: `the pod ${check.pod} should answer at ${check.address} port ${check.port}, but has ${pod.addresses.join(" and ")} port ${pod.port}`,
                    fix: "ask it by its own address and port",
                };
            }
        }
    },
});

/** A check of passage names routers in Pods that take connections at the address which it asks. */
export const passagesLeadThroughPods = rule({
    id: "CHK-005",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const [index, check] of lab.checks.entries()) {
            if (check.kind !== "passage") {
                continue;
            }
            const target = `${check.address} port ${check.port}`;
            const able = virtualServersAt(lab, check.address, check.port).map(({ pod }) => pod.name);
            const unable = check.through.filter((name) => !able.includes(name));
            if (check.through.length === 0 || unable.length > 0) {
                const what = unable.length === 0 ? "no Pod" : unable.join(", ");
                yield {
                    at: ["checks", index, "through"],
                    with: [["routers"]],
                    says: `connections to ${target} should pass through ${what}, which ${unable.length > 1 ? "take" : "takes"} none there`,
                    fix: able.length === 0 ? "add a virtual server to a Pod" : `name ${able.join(", ")}`,
                };
            }
        }
    },
});

/** Who passes connections on hides the client behind its own address, so that answers come back through it. */
export const virtualServersHideClients = rule({
    id: "CHK-006",
    severity: "error",
    source: "RFC 3022 §2.2",
    *check(lab) {
        for (const [index, check] of lab.checks.entries()) {
            if (check.kind === "service" && check.clientAddress === "seen") {
                const [server] = virtualServersAt(lab, check.address, check.port);
                if (server !== undefined) {
                    yield {
                        at: ["checks", index, "clientAddress"],
                        says: `pods should see ${check.from} behind ${check.address}, but ${server.pod.name} passes its connections on under its own address`,
                        fix: "expect hidden",
                    };
                }
            }
        }
    },
});

function askedPods(check: TrafficCheck): readonly string[] {
    switch (check.kind) {
        case "service":
            return check.pods;
        case "pod":
            return [check.pod];
        case "silence":
        case "passage":
            return [];
    }
}

function podsByName(lab: Lab): ReadonlyMap<string, Pod & { readonly port: number }> {
    return new Map(
        lab.cluster.workloads.flatMap(({ port, pods }) => pods.map((pod) => [pod.name, { ...pod, port }] as const)),
    );
}

function findService(lab: Lab, address: Address, port: number): Service | undefined {
    return lab.cluster.services.find(
        (service) => service.port === port && service.loadBalancerAddresses.includes(address),
    );
}

/** Nodes and their pods know every service; others reach what a node announces. */
function isReached(lab: Lab, from: string, service: Service): boolean {
    const isInside = lab.routers[from] === undefined && lab.hosts[from] === undefined;
    return isInside || advertisingNodes(lab, service).length > 0;
}
