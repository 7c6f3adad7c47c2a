/** What a lab asks of the runtime in network namespaces that it cannot give with the chosen settings. */

import type { Lab } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import type { Finding } from "../lab/rules/findings";
import { ciliumInstances } from "../lab/speakers";

/** Settings of the runtime that decide what it can do. */
interface EmbeddedSettings {
    readonly speaker: "gobgp" | "bird";
}

/**
 * What keeps a lab from running in network namespaces as the settings say.
 *
 * @param at where the settings are written
 */
export function embeddedFindings({ speaker }: EmbeddedSettings, lab: Lab, at: Path): readonly Finding[] {
    const takesPods = ciliumInstances(lab).some(({ podNeighbors = [] }) => podNeighbors.length > 0);
    return takesPods && speaker === "bird"
        ? [
              {
                  id: "CFG-023",
                  severity: "error",
                  at: formatPath([...at, "speaker"]),
                  says: "nodes take Pods as neighbors by label, but BIRD has no API by which neighbors come and go",
                  fix: "use gobgp",
                  source: "BIRD User's Guide, Remote control",
              },
          ]
        : [];
}
