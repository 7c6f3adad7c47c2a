import type { Lab, Prefix } from "../model";
import { announcedPrefixes } from "../services";
import type { SessionEnd } from "../sessions";
import { takenOfPods } from "./placed-pods";

/**
 * What a node's program tells a router: what is its own, what it takes of Pods and passes on and, where Calico's speakers
 * tell each other, all of their blocks.
 */
export function announcedBy(lab: Lab, local: SessionEnd, { node, program, speaker }: SessionEnd): readonly Prefix[] {
    const { calico, nodes } = lab.cluster;
    const passesOn = program === "calico" && calico?.nodeToNodeMesh === true && speaker.asn !== local.speaker.asn;
    const speakers = passesOn ? Object.keys(nodes) : [node];
    const ofPods = program === "cilium" ? takenOfPods(lab, node) : [];
    return [...new Set([...speakers.flatMap((each) => announcedPrefixes(lab, each, program!)), ...ofPods])];
}
