import type { Lab } from "../model";
import { rule } from "./rule";

/** A check is made by a host of the lab. */
export const checksHaveHosts = rule({
    id: "CHK-001",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        const hosts = Object.keys(lab.hosts);
        for (const [index, { from }] of lab.checks.entries()) {
            if (lab.hosts[from] === undefined) {
                yield {
                    at: ["checks", index, "from"],
                    says: `a check is made from ${from}, which is no host of the lab`,
                    fix: hosts.length === 0 ? "add a host" : `use one of ${hosts.join(", ")}`,
                };
            }
        }
    },
});

/** A service check asks a service, and one of silence does not. */
export const checksAskServices = rule({
    id: "CHK-002",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const [index, check] of lab.checks.entries()) {
            if (check.kind === "pod") {
                continue;
            }
            const port =
                check.kind === "service" ? check.port : check.probe.kind === "tcp" ? check.probe.port : undefined;
            const answered = port !== undefined && isServed(lab, check.address, port);
            if (answered !== (check.kind === "service")) {
                const target = port === undefined ? check.address : `${check.address} port ${port}`;
                yield {
                    at: ["checks", index],
                    says: answered
                        ? `${target} should be silent, but is a service`
                        : `${target} should answer, but is no service`,
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
        const pods = new Set(lab.cluster.workloads.flatMap((workload) => workload.pods.map(({ name }) => name)));
        for (const [index, check] of lab.checks.entries()) {
            for (const name of check.kind === "service" ? check.pods.filter((pod) => !pods.has(pod)) : []) {
                yield {
                    at: ["checks", index, "pods"],
                    says: `the pod ${name} should answer, but does not exist`,
                    fix: "name pods of the workloads",
                };
            }
        }
    },
});

function isServed(lab: Lab, address: string, port: number): boolean {
    return lab.cluster.services.some(
        (service) => service.port === port && service.loadBalancerAddresses.includes(address),
    );
}
