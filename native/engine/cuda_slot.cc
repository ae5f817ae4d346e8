#include "cuda_slot.h"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>

#include "scalar_type.h"

namespace sconce {

std::vector<at::Tensor> CudaSlot::copy_in(const Batch& batch) {
  const c10::cuda::CUDAStreamGuard guard(streams_.copy_in);
  inputs_.resize(batch.inputs.size());
  std::vector<at::Tensor> tensors;
  tensors.reserve(batch.inputs.size());
  marks_.in_begin.record(streams_.copy_in);
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    at::Tensor tensor = input(i, batch.inputs[i], batch.rows);
    if (tensor.nbytes() > 0) {
      C10_CUDA_CHECK(cudaMemcpyAsync(tensor.mutable_data_ptr(), batch.inputs[i].data,
                                     tensor.nbytes(), cudaMemcpyHostToDevice,
                                     streams_.copy_in.stream()));
    }
    tensors.push_back(std::move(tensor));
  }
  marks_.in_end.record(streams_.copy_in);
  marks_.in_end.hold_back(streams_.compute);
  return tensors;
}

// Made anew for more rows and for other dimensions. It is allocated on the copy stream: memory of
// the compute stream may still be read there by the batch before. It is freed when nothing uses it.
at::Tensor CudaSlot::input(size_t index, const BatchInput& input, int rows) {
  at::Tensor& memory = inputs_[index];
  const at::ScalarType type = to_scalar_type(input.dtype);
  const at::IntArrayRef dims(input.dims.data(), input.dims.size());
  const bool fits = memory.defined() && memory.scalar_type() == type && memory.size(0) >= rows &&
                    memory.sizes().slice(1) == dims;
  if (!fits) {
    std::vector<int64_t> sizes{rows};
    sizes.insert(sizes.end(), dims.begin(), dims.end());
    memory = at::Tensor();  // first, so that its memory can be had again
    memory = at::empty(sizes, at::TensorOptions(type).device(streams_.compute.device()));
  }
  return memory.narrow(0, 0, rows);
}

void CudaSlot::begin_compute() { marks_.compute_begin.record(streams_.compute); }

void CudaSlot::end_compute() {
  marks_.compute_end.record(streams_.compute);
  marks_.compute_end.hold_back(streams_.copy_out);
  marks_.out_begin.record(streams_.copy_out);
}

void CudaSlot::copy_out(const at::Tensor& source, uint8_t* target) {
  C10_CUDA_CHECK(cudaMemcpyAsync(target, source.const_data_ptr(), source.nbytes(),
                                 cudaMemcpyDeviceToHost, streams_.copy_out.stream()));
}

void CudaSlot::finish() { marks_.out_end.record(streams_.copy_out); }

}  // namespace sconce
