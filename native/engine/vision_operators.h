// The operators of torchvision that scripted detection models use.
#pragma once

namespace sconce {

// Makes torchvision::nms and torchvision::roi_align known to LibTorch, with torchvision's schemas,
// for the life of the process; each only where no library has registered it before. Also declares
// torchvision::box_iou_rotated, which the training code of these models names and which fails when
// it is called. Call it after load_operator_library and before the first file is read; safe from
// any thread, and without effect after the first time.
void register_vision_operators();

}  // namespace sconce
