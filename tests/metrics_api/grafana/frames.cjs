// Reads answers as JSON, makes of each what Grafana makes of it, and writes what a panel would know: names, types, values, and the first as text.
globalThis.window = globalThis
globalThis.navigator ??= { languages: ["en-US"], language: "en-US" }
const { formattedValueToString, getFieldDisplayName, getValueFormat, toDataFrame } = require(process.argv[2])
const answers = JSON.parse(require("node:fs").readFileSync(0, "utf8"))

const written = (field) => formattedValueToString(getValueFormat(field.config.unit)(field.values[0], 1))

const seen = (field, frame) => ({
  name: field.name,
  shown: getFieldDisplayName(field, frame, [frame]),
  type: field.type,
  unit: field.config.unit ?? null,
  labels: field.labels ?? {},
  text: field.type === "number" ? written(field) : null,
  values: Array.from(field.values),
})

const frames = answers.map((answer) =>
  answer.map(toDataFrame).map((frame) => ({
    refId: frame.refId ?? null,
    length: frame.length,
    notices: frame.meta?.notices ?? [],
    fields: frame.fields.map((field) => seen(field, frame)),
  })),
)
process.stdout.write(JSON.stringify(frames))
