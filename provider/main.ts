import { version } from "../package.json";
import { claim } from "./resources/claim";
import { fabric } from "./resources/fabric";
import { node } from "./resources/node";
import { router } from "./resources/router";
import { sandbox } from "./resources/sandbox";
import { verification } from "./resources/verification";
import { serve } from "./server";

serve([claim, sandbox, fabric, router, node, verification], version);
