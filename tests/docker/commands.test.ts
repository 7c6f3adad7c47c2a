import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Deployed, NoLabError, readState } from "../../commands/deployed";
import { dockerLabs } from "../../commands/docker";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { engineAvailable } from "./engine";
import { TestLab } from "./fabric-lab";
import { image } from "./images";

const containers = new TestLab();
const cluster = containers.name("cluster");
const model = planSingleFrr(schema.parse({ cluster, workers: 1 }));
const [controlPlane, worker] = Object.keys(model.cluster.nodes) as [string, string];

/** A stack whose state has the wirings of some devices. */
function stack(...devices: readonly string[]): Deployed {
    const wirings = devices.map((device) => {
        const own = device.startsWith(cluster) ? device : containers.name(device);
        const agent = device.startsWith(cluster) ? containers.name(`sidecar-${device}`) : own;
        return {
            type: "bgplab:docker:Wiring",
            urn: `urn:pulumi:s::p::bgplab:docker:Wiring::${device}`,
            inputs: { container: own, agent },
        };
    });
    const lab = { model, runtime: "docker", verify: { deadline: 1 } };
    const resources = [{ type: "bgplab:index:Lab", urn: "urn:pulumi:s::p::bgplab:index:Lab::lab", inputs: lab }];
    return readState("mine", JSON.stringify({ version: 3, deployment: { resources: [...resources, ...wirings] } }));
}

/** The line about a device, in words. */
function line(text: string, device: string): string {
    const found = text.split("\n").find((each) => each.startsWith(`${device} `));
    return found?.replaceAll(/\s+/g, " ") ?? "";
}

const available = engineAvailable("commands on labs in Docker");

describe("commands on a lab in Docker", () => {
    beforeEach(async ({ skip }) => skip(!(await available)));

    beforeAll(async () => {
        if (await available) {
            const [router, client] = await Promise.all([image("router"), image("client")]);
            await Promise.all([containers.router("router0", router), containers.host("client0", client)]);
            await containers.container("client0").stop({ t: 0 });
        }
    });

    afterAll(async () => {
        if (await available) {
            await containers.clear();
        }
    });

    it("status tells running, stopped and missing containers apart, and that the cluster does not answer", async () => {
        const report = await dockerLabs.status(stack("router0", "client0", controlPlane, worker));
        expect(report.running).toBe(true);
        const { text } = report;
        expect(text).toMatch(/^lab +\S+, in Docker \S+ at \S+, 1 of 4 devices running$/m);
        expect(line(text, "router0")).toContain(`router AS 65000 ${containers.name("router0")} running`);
        expect(line(text, "client0")).toContain(`${containers.name("client0")} STOPPED`);
        expect(line(text, worker)).toBe(`${worker} node MISSING, sidecar MISSING`);
        expect(line(text, "cluster")).toContain(`${cluster} does not answer`);
    });

    it("status says how to get into the lab, by the names that the containers have", async () => {
        const { text } = await dockerLabs.status(stack("router0", "client0", controlPlane, worker));
        expect(text).toContain(`docker exec -it ${containers.name("router0")} vtysh`);
        expect(text).toContain(`docker exec -it ${containers.name("client0")} sh`);
        expect(text).toContain(`kind export kubeconfig --name ${cluster} --kubeconfig`);
        expect(text).toContain(`docker exec ${controlPlane} kubectl`);
    });

    it("status of a lab that was made half tells what there is", async () => {
        const report = await dockerLabs.status(stack("router0"));
        expect(report).toMatchObject({
            running: true,
            data: {
                cluster: { name: cluster, controlPlane },
                devices: [
                    { name: "router0", role: "router", state: "running" },
                    { name: controlPlane, role: "node", state: "missing" },
                    { name: worker, role: "node", state: "missing" },
                    { name: "client0", role: "host", state: "missing" },
                ],
            },
        });
    });

    it("status of a lab that does not run says how to bring it back", async () => {
        const report = await dockerLabs.status(stack("client0"));
        expect(report.running).toBe(false);
        expect(report.text).toContain("make up STACK=mine");
    });

    it("verify does not wait for a control plane that is not there", async () => {
        const everything = stack("router0", "client0", controlPlane, worker);
        await expect(dockerLabs.verify(everything, 3_600)).rejects.toThrow(
            `the control plane ${controlPlane} is missing; bring the lab back with: make down STACK=mine; make up STACK=mine`,
        );
    });

    it("a stack without containers has no lab", async () => {
        await expect(dockerLabs.status(stack())).rejects.toThrow(NoLabError);
        await expect(dockerLabs.verify(stack(), 0)).rejects.toThrow(NoLabError);
    });
});
