// schema_ajv.cjs — ajv's compiled code on the workloads of bench/schema.
//
//     node schema_ajv.cjs NODE_MODULES SCHEMA.json INSTANCES.ndjson      prints: parse, validate, parse and validate (ns)
"use strict";
const fs = require("fs");
const path = require("path");

const [modules, schemaFile, instancesFile] = process.argv.slice(2);
const Ajv = require(path.join(modules, "ajv/dist/2020")).default;
const validate = new Ajv({ strict: false, validateFormats: false }).compile(JSON.parse(fs.readFileSync(schemaFile)));
const texts = fs.readFileSync(instancesFile, "utf8").split("\n").filter(Boolean);
const values = texts.map((t) => JSON.parse(t));
const ROUND_NS = 2e6, ALL_NS = 200e6;

function measure(each) {
  let best = Infinity;
  const begin = process.hrtime.bigint();
  while (Number(process.hrtime.bigint() - begin) < ALL_NS) {
    const start = process.hrtime.bigint();
    let turns = 0, t;
    do {
      for (let i = 0; i < texts.length; i++) if (!each(i)) throw new Error("a verdict changed");
      turns++;
      t = Number(process.hrtime.bigint() - start);
    } while (t < ROUND_NS);
    best = Math.min(best, t / (turns * texts.length));
  }
  return best.toFixed(1);
}

console.log(
  measure((i) => JSON.parse(texts[i]) !== null),
  measure((i) => validate(values[i])),
  measure((i) => validate(JSON.parse(texts[i]))),
);
