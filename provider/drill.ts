/** Drills on a lab that runs in a sandbox: a fault is taken, and afterwards everything is made as it was. */

import { findDevice } from "../lab/devices";
import { routingInstances } from "../lab/instances";
import type { Lab } from "../lab/model";
import { afterEvent } from "../lab/pod-events";
import { vrfNamespace } from "../render/vrf-namespaces";
import type { Fault } from "../routing/failures";
import { changePods } from "./change-pods";
import { frrProcess } from "./daemons/frr";
import { speakerOf } from "./daemons/speaker";
import { type DrilledLab, inputsOf } from "./drilled-lab";
import { dropControl, passControl, setInterfaces, setShutdown, signal } from "./faults";
import type { ResourceKind } from "./resource";
import { fabric } from "./resources/fabric";
import { node } from "./resources/node";
import { router } from "./resources/router";
import { podNamespace } from "./sandbox/pods";
import { type FabricInputs, type NodeInputs, type RouterInputs, types } from "./schema";

/** Takes a fault. @throws Error when the lab has not what the fault takes */
export async function take(lab: DrilledLab, fault: Fault): Promise<void> {
    switch (fault.kind) {
        case "link":
            return setPorts(lab, fault.ends, false);
        case "node":
            return isPod(lab, fault.device)
                ? changePods(lab, lab.model, withoutPod(lab.model, fault.device))
                : setPorts(lab, portsOf(lab.model, fault.device), false);
        case "session":
            return shut(lab, fault, true);
        case "daemon":
            return lose(lab, fault);
    }
}

/** Undoes a fault, and makes again what went with it: addresses, routes and daemons. */
export async function repair(lab: DrilledLab, fault: Fault): Promise<void> {
    await undo(lab, fault);
    await restore(lab);
}

/** Makes everything as the stack's state has it. */
export async function restore(lab: DrilledLab): Promise<void> {
    await Promise.all(inputsOf<FabricInputs>(lab, types.fabric).map((inputs) => remake(lab, fabric, inputs)));
    await Promise.all(inputsOf<NodeInputs>(lab, types.node).map((inputs) => remake(lab, node, inputs)));
    await Promise.all(inputsOf<RouterInputs>(lab, types.router).map((inputs) => remake(lab, router, inputs)));
}

async function undo(lab: DrilledLab, fault: Fault): Promise<void> {
    switch (fault.kind) {
        case "link":
            return setPorts(lab, fault.ends, true);
        case "node":
            return isPod(lab, fault.device)
                ? changePods(lab, withoutPod(lab.model, fault.device), lab.model)
                : setPorts(lab, portsOf(lab.model, fault.device), true);
        case "session":
            return shut(lab, fault, false);
        case "daemon":
            return regain(lab, fault);
    }
}

type FaultOf<Kind extends Fault["kind"]> = Extract<Fault, { readonly kind: Kind }>;

type Port = FaultOf<"link">["ends"][number];

function portsOf(lab: Lab, device: string): readonly Port[] {
    return (findDevice(lab, device)?.interfaces ?? [])
        .filter(({ attachment }) => attachment.kind === "segment")
        .map(({ name }) => ({ device, interface: name }));
}

async function setPorts({ sandbox, model }: DrilledLab, ports: readonly Port[], up: boolean): Promise<void> {
    await Promise.all(
        ports.map(({ device, interface: name }) => {
            const port = findDevice(model, device)?.interfaces.find((each) => each.name === name);
            return setInterfaces(sandbox, vrfNamespace(placeOf(model, device), port?.vrf), [name], up);
        }),
    );
}

/** A router that fails with all its links is, in a Pod, a Pod that is gone. */
function isPod({ model: { routers } }: DrilledLab, device: string): boolean {
    return routers[device]?.pod !== undefined;
}

function withoutPod(lab: Lab, pod: string): Lab {
    return afterEvent(lab, { kind: "deleted", pod });
}

/** Namespace of a device: that of its Pod where it runs in one. */
function placeOf({ routers }: Lab, device: string): string {
    return routers[device]?.pod === undefined ? device : podNamespace(device);
}

/** The namespaces of a device: one, or of a router one for each VRF. */
function namespacesOf({ model }: DrilledLab, device: string): readonly string[] {
    const router = model.routers[device];
    const place = placeOf(model, device);
    return router === undefined ? [place] : routingInstances(router).map(({ vrf }) => vrfNamespace(place, vrf));
}

async function shut({ sandbox, model }: DrilledLab, fault: FaultOf<"session">, down: boolean): Promise<void> {
    const { router: name, vrf, neighbor } = fault;
    const instance = routingInstances(model.routers[name]!).find((each) => each.vrf === vrf);
    await setShutdown(sandbox, { router: placeOf(model, name), asn: instance!.bgp.asn, vrf, neighbor }, down);
}

async function lose(lab: DrilledLab, fault: FaultOf<"daemon">): Promise<void> {
    switch (fault.manner) {
        case "killed":
            return signal(lab.sandbox, processesOf(lab, fault), "KILL");
        case "frozen":
            return signal(lab.sandbox, processesOf(lab, fault), "STOP");
        case "disconnected":
            await Promise.all(namespacesOf(lab, fault.device).map((name) => dropControl(lab.sandbox, name)));
            return;
    }
}

/** A daemon that was killed is started by `remake`. */
async function regain(lab: DrilledLab, fault: FaultOf<"daemon">): Promise<void> {
    switch (fault.manner) {
        case "killed":
            return;
        case "frozen":
            return signal(lab.sandbox, processesOf(lab, fault), "CONT");
        case "disconnected":
            await Promise.all(namespacesOf(lab, fault.device).map((name) => passControl(lab.sandbox, name)));
            return;
    }
}

/** Names of the processes that hold the sessions: of a router, of a program on a node, or of all programs on it. */
function processesOf(lab: DrilledLab, { device, program }: FaultOf<"daemon">): readonly string[] {
    const inputs = inputsOf<NodeInputs>(lab, types.node).find(({ namespace }) => namespace === device);
    if (inputs === undefined) {
        return [frrProcess(placeOf(lab.model, device), "bgpd")];
    }
    return Object.entries(inputs.speakers)
        .filter(([name]) => program === undefined || name === program)
        .map(([, speaker]) => speakerOf(speaker).process(device));
}

/** Makes a resource as it is recorded, over what is left of it. */
async function remake<Inputs>({ context }: DrilledLab, kind: ResourceKind<Inputs>, inputs: Inputs): Promise<void> {
    await kind.update(inputs, inputs, context);
}
