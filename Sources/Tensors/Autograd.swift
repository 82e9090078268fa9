extension Tensor {
  /// Adds to `grad` of every leaf that wants one the derivative of this tensor with respect to it.
  ///
  /// - Parameters:
  ///   - gradient: the gradient to start from, of this tensor's shape; 1 where this tensor is a scalar.
  ///   - retain: keep the record so that `backward` can run again; otherwise memory is freed on the way.
  public func backward(from gradient: Tensor? = nil, retain: Bool = false) throws {
    guard wantsGradient else {
      throw AutogradError(
        "backward: this tensor was not computed from any tensor that wants gradients "
          + "(set requires_grad on a leaf, and do not call it inside no_grad)")
    }
    let start = try startingGradient(gradient)
    try Tape.withoutGradients {
      try Backward(retain: retain).run(from: self, start)
    }
  }

  private func startingGradient(_ gradient: Tensor?) throws -> Tensor {
    guard let gradient else {
      guard count == 1 else {
        throw AutogradError(
          "backward: starts from one number, this tensor is \(shape); reduce it with sum() or mean()")
      }
      return try Tensor.full(shape, 1, dtype)
    }
    try require(
      gradient.shape == shape && gradient.dtype == dtype, "backward",
      "the gradient must be \(dtype) \(shape) like the tensor, got \(gradient.dtype) \(gradient.shape)")
    return gradient
  }

  /// Everything this tensor was computed from, each tensor after its inputs; iterative, so that a long
  /// chain does not overflow the stack.
  public func history(where wanted: (Tensor) -> Bool = { _ in true }) -> [Tensor] {
    var order: [Tensor] = []
    var seen: Set<ObjectIdentifier> = []
    var stack: [(tensor: Tensor, expanded: Bool)] = [(self, false)]
    while let (tensor, expanded) = stack.popLast() {
      if expanded {
        order.append(tensor)
        continue
      }
      guard wanted(tensor), seen.insert(ObjectIdentifier(tensor)).inserted else { continue }
      stack.append((tensor, true))
      for input in (tensor.origin?.inputs ?? []).reversed() { stack.append((input, false)) }
    }
    return order
  }
}

/// One walk back over the record.
private struct Backward {
  let retain: Bool
  /// The gradient collected so far for each tensor, and whether this walk made it and may add to it in place.
  private var gradients: [ObjectIdentifier: (sum: Tensor, owned: Bool)] = [:]

  init(retain: Bool) { self.retain = retain }

  consuming func run(from root: Tensor, _ start: Tensor) throws {
    var order = root.history { $0.wantsGradient }
    gradients[ObjectIdentifier(root)] = (start, owned: false)
    while let tensor = order.popLast() {
      guard let (gradient, _) = gradients.removeValue(forKey: ObjectIdentifier(tensor)) else { continue }
      if tensor.requiresGrad { try tensor.accumulate(gradient) }
      guard let origin = tensor.origin else { continue }
      let record = try origin.record()
      let contributions = try origin.op.backward(gradient, record)
      for (input, contribution) in zip(record.inputs, contributions) where input.wantsGradient {
        if let contribution { try add(contribution, to: input) }
      }
      if !retain { origin.spend() }
    }
  }

  private mutating func add(_ contribution: Tensor, to input: Tensor) throws {
    precondition(
      contribution.shape == input.shape, "gradient \(contribution.shape) of an input \(input.shape)")
    let id = ObjectIdentifier(input)
    switch gradients[id] {
    case nil: gradients[id] = (contribution, owned: false)
    case (let sum, true)?: try sum.addInPlace(contribution)
    case (let sum, false)?: gradients[id] = (try Add()(sum, contribution), owned: true)
    }
  }
}
