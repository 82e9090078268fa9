import CKernels

/// Group norm where the values of a channel lie side by side, as in contiguous images and sequences.
extension ChannelGroupOp {
  func takesPlanes(_ x: Tensor) -> Bool {
    x.dtype == .f32 && x.rank > 2 && x.isContiguous && !x.isChannelsLast && !x.isSequenceChannelsLast
  }

  func normalizePlanes(_ t: [Tensor], _ context: inout Context) throws -> Tensor {
    let (x, groups) = (t[0], groups(of: t[0].shape[1]))
    let (weight, bias) = (
      try t.count > 1 ? t[1].contiguous() : nil, try t.count > 2 ? t[2].contiguous() : nil
    )
    let y = try Tensor(undefined: x.shape)
    let (mean, rstd) = (
      try Tensor(undefined: [x.shape[0], groups]), try Tensor(undefined: [x.shape[0], groups])
    )
    withExtendedLifetime((weight, bias)) {
      qk_f32_group_norm_planes(
        x.shape[0], x.shape[1], planeSize(x.shape), groups, x.floats, weight?.floats, bias?.floats,
        Float(epsilon), y.floats, mean.floats, rstd.floats)
    }
    context.save(mean, rstd)
    return y
  }

  func planeGradients(_ dy: Tensor, _ record: Record) throws -> [Tensor?] {
    let (x, dy) = (record.inputs[0], try dy.contiguous())
    let weight = try record.inputs.count > 1 ? record.inputs[1].contiguous() : nil
    let (samples, channels) = (x.shape[0], x.shape[1])
    let dx = record.needs[0] ? try Tensor(undefined: x.shape) : nil
    let (dWeight, dBias) = (try Tensor.zeros([channels]), try Tensor.zeros([channels]))
    withExtendedLifetime(weight) {
      qk_f32_group_norm_planes_backward(
        samples, channels, planeSize(x.shape), groups(of: channels), dy.floats, x.floats, weight?.floats,
        record.saved[0].floats, record.saved[1].floats, dx?.floats, dWeight.floats, dBias.floats)
    }
    return Array([dx, dWeight, dBias].prefix(record.inputs.count))
  }

  private func planeSize(_ x: Shape) -> Int { x.dropFirst(2).reduce(1, *) }
}
