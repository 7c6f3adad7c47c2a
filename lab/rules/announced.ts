import type { Lab, Prefix } from "../model";
import { announcedPrefixes } from "../services";
import type { SessionEnd } from "../sessions";

/** What a node's program tells a router: what is its own and, where Calico's speakers tell each other, all of their blocks. */
export function announcedBy(lab: Lab, local: SessionEnd, { node, program, speaker }: SessionEnd): readonly Prefix[] {
    const { calico, nodes } = lab.cluster;
    const passesOn = program === "calico" && calico?.nodeToNodeMesh === true && speaker.asn !== local.speaker.asn;
    const speakers = passesOn ? Object.keys(nodes) : [node];
    return [...new Set(speakers.flatMap((each) => announcedPrefixes(lab, each, program!)))];
}
