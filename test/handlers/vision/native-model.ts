import type { Inputs } from '../../../src/handlers/api/context.js';
import { Outputs } from '../../../src/handlers/api/outputs.js';
import { Tensor } from '../../../src/handlers/api/tensor.js';
import { dtypeOf } from '../../../src/native/dtype.js';
import { OpenModel } from '../../native/open-model.js';
import { imagePath } from '../../support/image-fixtures.js';

/** Side of the images that the fixture models take. */
export const modelSide = 64;

/** Configuration with which a handler makes such images, as make_images.py did. */
export const modelConfig = { handler: { resize: modelSide + 8, crop: modelSide } };

/** Runs a model of make_images.py, one row at a time. */
export async function openImageModel(name: string): Promise<(inputs: Inputs) => Promise<Outputs>> {
  const native = await OpenModel.load(imagePath(name));
  return async (inputs) => {
    const [tensor] = inputs instanceof Tensor ? [inputs] : Object.values(inputs);
    if (tensor === undefined) throw new Error('no input');
    const dims = tensor.shape.slice(1);
    const slab = native.addSlab([{ dtype: 'float32', dims }], 1, 1 << 20);
    slab.put([...tensor.numbers()]);
    const event = await native.run(slab);
    if (event.errors !== undefined) throw new Error(JSON.stringify(event.errors));
    const { outputs, structure } = native.model.signature(event.signature);
    const { outputOffset } = slab.layout;
    return new Outputs({
      signature: {
        outputs: outputs.map(({ dtype, dims: rowDims }) => ({
          dtype: dtypeOf(dtype),
          dims: rowDims,
        })),
        structure,
      },
      names: null,
      block: event.overflow ?? slab.memory.subarray(outputOffset),
      batchRows: event.rows,
      firstRow: 0,
      rows: event.rows,
    });
  };
}
