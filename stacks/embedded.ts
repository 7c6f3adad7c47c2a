/** What a lab asks of the runtime in network namespaces that it cannot give with the chosen settings. */

import type { Lab } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import type { Finding } from "../lab/rules/findings";
import { ciliumInstances } from "../lab/speakers";

/** Settings of the runtime that decide what it can do. */
interface EmbeddedSettings {
    readonly speaker: "gobgp" | "bird";
}

/** Where the settings and the parameters of the lab are written. */
interface Places {
    readonly embedded: Path;
    readonly lab: Path;
}

/** What keeps a lab from running in network namespaces as the settings say. */
export function embeddedFindings({ speaker }: EmbeddedSettings, lab: Lab, places: Places): readonly Finding[] {
    const selecting = ciliumInstances(lab).filter(({ podNeighbors = [] }) => podNeighbors.length > 0);
    if (selecting.length === 0) {
        return [];
    }
    if (speaker === "bird") {
        return [
            {
                id: "CFG-023",
                severity: "error",
                at: formatPath([...places.embedded, "speaker"]),
                says: "nodes take Pods as neighbors by label, but BIRD has no API by which neighbors come and go",
                fix: "use gobgp",
                source: "BIRD User's Guide, Remote control",
            },
        ];
    }
    return selecting.every(({ transit }) => transit === true)
        ? []
        : [
              {
                  id: "CFG-024",
                  severity: "error",
                  at: formatPath([...places.lab, "ciliumPeers"]),
                  says: "in network namespaces Pods peer with their node or with the router, not with both",
                  fix: "set it to false, or set bgp-lab:runtime to docker",
                  source: "docs/pod-gateway.md",
              },
          ];
}
