import { LORA_SITES, LORA_TARGETS, targetSizes } from '../../layouts/lora.js';
import { DataType } from '../../layouts/onnx.js';
import { type GraphWriter, SWITCHYARD } from '../onnx/graph-writer.js';
import { type PackedForm, packedForm, packWeights } from '../onnx/pack-weights.js';
import { toEightBits } from '../tensors/eight-bits.js';
import type { QuantizedMatrix } from '../tensors/quantized-matrix.js';
import type { DecoderCheckpoint } from './checkpoint.js';
import { type DecoderOperators, MAIN_TABLES, type SiteLinear } from './operators.js';

/** What tells a form from others of as many bits. */
const TRAITS: Partial<Record<PackedForm, Readonly<Record<string, number>>>> = {
  q2: { factors: 1 },
  q4_0: { minimum: 0 },
  iq4: { levels: 1 },
  q5_1: { minimum: 1 },
};

/** The operators of native/: CPU only. Their inputs: contracts/model-manifest.ts, "kernels". */
export function kernelOperators(graph: GraphWriter, { shape, traits }: DecoderCheckpoint): DecoderOperators {
  const { layers, heads, kvHeads, headDim } = shape;
  const slots = graph.input('slots', DataType.int32, ['N']);
  const positions = graph.input('positions', DataType.int32, ['N']);
  const kv = graph.input('kv', DataType.float16, [layers, 'slots', 2, kvHeads, 'P', headDim]);
  const loraSlots = graph.input('lora_slots', DataType.int32, ['N']);
  const loraRanks = graph.input('lora_ranks', DataType.int32, ['S', LORA_TARGETS.length]);
  const sizes = targetSizes(shape);
  for (let layer = 0; layer < layers; layer++) {
    for (const { site, targets } of LORA_SITES) {
      const outputs = targets.reduce((sum, target) => sum + sizes[target].outputs, 0);
      graph.input(`A.${site}.${layer}`, DataType.float16, ['S', targets.length, 'R', sizes[targets[0]!].inputs]);
      graph.input(`B.${site}.${layer}`, DataType.float16, ['S', 'R', outputs]);
    }
  }
  const columnOf = (index: number) => LORA_TARGETS.indexOf(LORA_SITES[index]!.targets[0]!);

  const multiply = (
    x: string,
    name: string,
    matrices: readonly QuantizedMatrix[],
    gated: boolean,
    lora?: { readonly inputs: readonly string[]; readonly attributes: Readonly<Record<string, number | number[]>> },
  ): string => {
    // One operator has one form: gate and up of different ones meet at 8 bits.
    const exact = packedForm(matrices);
    const parts = exact === null ? matrices.map(toEightBits) : matrices;
    const form = exact ?? 'q8_0';
    const { bits, columns } = parts[0]!;
    const packed = packWeights(parts, form, gated);
    const weights = graph.tensor(`${name}.packed`, DataType.uint8, [packed.length], packed);
    const rows = gated ? parts[0]!.rows : parts.reduce((sum, part) => sum + part.rows, 0);
    return graph.node('QuantizedLinear', [x, weights, ...(lora?.inputs ?? [])], {
      domain: SWITCHYARD,
      attributes: { K: columns, N: rows, bits, ...TRAITS[form], gated: Number(gated), ...lora?.attributes },
    });
  };
  const site = (x: string, { site: name, layer, parts, bias }: SiteLinear, gated: boolean): string => {
    const index = LORA_SITES.findIndex((known) => known.site === name);
    // The adapters' A of whatever linear runs next is fetched while this one multiplies.
    const next = (index + 1) % LORA_SITES.length;
    const nextLayer = next === 0 ? layer + 1 : layer;
    const ahead = nextLayer < layers ? [`A.${LORA_SITES[next]!.site}.${nextLayer}`] : [];
    const runs = gated ? [parts] : runsOfOneForm(parts);
    let first = 0;
    const outputs = runs.map((run, i) => {
      const isLast = i === runs.length - 1;
      const y = multiply(x, `l${layer}.${name}${runs.length > 1 ? `.${i}` : ''}`, run, gated, {
        inputs: [loraSlots, loraRanks, `A.${name}.${layer}`, `B.${name}.${layer}`, ...(isLast ? ahead : [])],
        attributes: {
          lora_widths: parts.map(({ rows }) => rows),
          lora_column: columnOf(index),
          next_lora_column: columnOf(next),
          ...(runs.length > 1 && { lora_part: [first, run.length] }),
        },
      });
      first += run.length;
      return y;
    });
    const y = outputs.length === 1 ? outputs[0]! : graph.node('Concat', outputs, { attributes: { axis: -1 } });
    return bias
      ? graph.node('Add', [y, graph.tensor(`l${layer}.${name}.bias`, DataType.float, [bias.length], bias)])
      : y;
  };

  return {
    linear: (x, linear) => site(x, linear, false),
    gatedLinear: (x, linear) => site(x, linear, true),
    attention(projections, { layer, tables, window }) {
      const [q, ...kAndV] = typeof projections === 'string' ? [projections] : projections;
      const [cos, sin] = tables ?? MAIN_TABLES;
      return graph.node('SlotAttention', [q!, slots, positions, cos, sin, kv, ...kAndV], {
        domain: SWITCHYARD,
        attributes: {
          ...{ layer, heads, kv_heads: kvHeads, scale: { float: traits.attentionScale } },
          ...(tables === null && { rotate: 0 }),
          ...(window !== null && { window }),
        },
      });
    },
    logits: (x, head) => multiply(x, 'head', [head], false),
  };
}

/** Neighbours that one form holds; the values of a mixed file are often finer than its queries and keys. */
function runsOfOneForm(parts: readonly QuantizedMatrix[]): QuantizedMatrix[][] {
  const runs: QuantizedMatrix[][] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (last && packedForm([...last, part]) !== null) last.push(part);
    else runs.push([part]);
  }
  return runs;
}
