import LuaHost
import Testing

@Suite struct DataTests {
  @Test func `files of data sets are read from Lua`() throws {
    let text = """
      local function file(name, text)
        local path = os.tmpname() .. name
        local f = assert(io.open(path, "wb")) f:write(text) f:close()
        return path
      end
      local csv = file(".csv", "a,b,kind\\n1,2,x\\n3,4,y\\n5,6,x\\n")
      local d = qs.data.csv(csv, {label = "kind"})
      print(d, table.concat(d.class_names, " "), qs.data.csv(csv):example())
      print(#qs.data.csv(csv, {label = 3, header = true}))
      local npz = os.tmpname() .. ".npz"
      qs.npz.save(npz, {x = qs.ones(4, 2), y = qs.tensor({0, 1, 2, 0}, {dtype = "i64"})}, {compressed = true})
      print(qs.data.npz(npz), qs.npz.load(npz).y)
      local x, y = os.tmpname() .. ".npy", os.tmpname() .. ".npy"
      qs.npy.save(x, qs.ones(4, 2)) qs.npy.save(y, qs.tensor({0, 1, 2, 0}, {dtype = "i64"}))
      print(qs.data.npy(x, y), qs.npy.load(x, {map = true}):sum())
      local cifar = file(".bin", string.char(7) .. string.rep("a", 3072))
      local train, test = qs.data.cifar10(cifar)
      local pixel = train:normalized{scale = 255, mean = {0.5, 0.4, 0.3}, std = {0.2, 0.2, 0.2}}.inputs[{1, {}, 1, 1}]
      print(train, test, string.format("%.3f %.3f %.3f", table.unpack(pixel:totable())))
      for _, path in ipairs{csv, npz, x, y, cifar} do os.remove(path) end
      """
    let output = try Script().output(text)
    #expect(output.hasPrefix("dataset of 3 examples [2], 2 classes x y"))
    #expect(output.contains("\n3\n"))
    #expect(output.contains("dataset of 4 examples [2], 3 classes"))
    // (97 / 255 - mean) / 0.2
    #expect(output.contains("dataset of 1 examples [3, 32, 32], 10 classes nil -0.598 -0.098 0.402"))
  }

  @Test func `augmentation is declared, and mixes targets`() throws {
    let text = """
      local a = qs.data.augment{shift = 2, flip = true, cutout = 8, mixup = 0.2, crop = {padding = 4}}
      print(a)
      local train = qs.data.digits()
      local count = 0
      for x, y, index, other, weight in train:take(100):batches{size = 40, augment = a, seed = 1} do
        assert(#x == #y and #other == #y and weight >= 0 and weight <= 1)
        count = count + #x
      end
      print(count)
      """
    let output = try Script().output(text)
    #expect(
      output == "augment{shift = 2, crop = {padding = 4}, flip = 0.5, cutout = 8, mixup = 0.2}\n100")
  }

  @Test(arguments: [
    ("qs.data.augment{shift = -1}", "augment: option 'shift' must be"),
    (
      "qs.data.augment{crop = {padding = math.maxinteger}}",
      "augment: option 'crop.padding' must be an integer from 0 to 1048576"
    ),
    ("qs.data.augment{flip = 2}", "augment: option 'flip' must be from 0 to 1 (got 2.0)"),
    (
      "qs.data.augment{crop = {pad = 1}}",
      "augment: option 'crop': must be {padding = N}, with nothing else in it"
    ),
    (
      "qs.fit(nn.linear(2, 2), qs.data.tensors(qs.ones(8, 2), qs.zeros(8, {dtype = 'i64'})), "
        + "{augment = qs.data.augment{flip = true}})",
      "shift, crop, flip and cutout are for images [N, C, H, W]; the inputs are [8, 2]"
    ),
    (
      "qs.fit(nn.linear(64, 2), (qs.data.digits()), {momentum = 0.3})",
      "fit: option 'momentum' is for optimizer = \"sgd\""
    ),
    ("qs.data.csv('/nowhere.csv')", "/nowhere.csv: cannot be read: there is no such file or folder"),
    ("qs.data.images('/nowhere')", "/nowhere: there is no such folder"),
    ("qs.fit(nn.linear(64, 2), (qs.data.digits()), {checkpoint = {every = 2}})", "option 'checkpoint' takes"),
  ])
  func `mistakes are explained`(_ code: String, _ problem: String) throws {
    let message = try Script().mistake(code)
    #expect(message.contains(problem), "\(message)")
  }

  @Test func `watches end in any order, and one that is left open harms nobody`() throws {
    let text = """
      local model, x = nn.sequential{nn.linear(2, 2), nn.relu()}, qs.ones(1, 2)
      local first, second = model:watch(), model:watch()
      first = nil
      collectgarbage() collectgarbage()
      model(x)
      print(#second:layers(false))
      second = nil
      collectgarbage() collectgarbage()
      print(model(x).shape[2])
      """
    #expect(try Script().output(text) == "2\n2")
  }

  @Test func `a diagnosis that fails changes nothing either`() throws {
    let text = """
      local model = nn.sequential{nn.linear(2, 3), nn.batch_norm1d(3)}
      local before = model:state()["1.running_mean"]:sum():item()
      print(pcall(qs.diagnose, model, qs.randn(4, 2), qs.zeros(4)))
      print(model:state()["1.running_mean"]:sum():item() == before, model[1].weight.grad)
      """
    let output = try Script().output(text)
    #expect(output.hasPrefix("false") && output.hasSuffix("\ntrue nil"), "\(output)")
  }

  @Test func `a diagnosis tells of every layer and changes nothing`() throws {
    let text = """
      qs.seed(2)
      local train = qs.data.digits()
      local model = nn.sequential{nn.conv2d(1, 4, 3), nn.batch_norm2d(4), nn.relu(), nn.flatten(), nn.linear(144, 10)}
      model[1].bias = qs.tensor{0, 0, 0, 0}
      model[2].bias = qs.tensor{-100, 0, 0, 0} -- the first channel never passes the relu
      local x, y = train:example()
      x, y = train:take(32).inputs, train:take(32).targets
      local before = model:checksum()
      local rows = qs.diagnose(model, x, y, {lr = 0.1})
      assert(model:checksum() == before and model[1].weight.grad == nil)
      print(#rows, rows[3].layer, rows[3].kind, rows[3].dead, rows[3].units, rows[3].min)
      local relu = model[3](model[2](model[1](x)))
      model:load_state(model:state())
      print(math.abs(rows[3].mean - relu:mean():item()) < 1e-5, rows[4].gradient_norm)
      model:zero_grad()
      qs.losses.cross_entropy(model(x), y):backward()
      local w, b = model[5].weight.grad, model[5].bias.grad
      local norm = math.sqrt((w * w):sum():item() + (b * b):sum():item())
      print(math.abs(rows[5].gradient_norm / norm - 1) < 1e-4,
        math.abs(rows[5].update_ratio - 0.1 * rows[5].gradient_norm / rows[5].weight_norm) < 1e-9)
      assert(tostring(rows):find("2 (relu)", 1, true))
      """
    let output = try Script().output(text)
    #expect(output == "5 2 relu 1 4 0.0\ntrue nil\ntrue true")
  }
}
