using Vitrine.Checkpoints;

namespace Vitrine.Inputs.Pictures;

/// <summary>The keys of <c>preprocessor_config.json</c>, and those of <c>processor_config.json</c> around the image processor in it.</summary>
/// <remarks>Which of the applied ones a class knows differs; a key that its class does not know is refused.</remarks>
public static class ProcessorKeys
{
    internal const string FileName = "preprocessor_config.json", Newer = "processor_config.json";

    /// <summary>What each key does.</summary>
    public static IReadOnlyList<CompanionKey> All { get; } = [.. Table(new CompanionTable(FileName)), .. OuterTable(new CompanionTable(Newer))];

    /// <summary>Of processor_config.json.</summary>
    internal static IReadOnlyList<CompanionKey> Outer { get; } = [.. All.Where(k => k.File == Newer)];

    /// <summary>Of preprocessor_config.json, those that change no pixel.</summary>
    internal static IReadOnlySet<string> Silent { get; } =
        new HashSet<string>(All.Where(k => k.File == FileName && k.Treatment == KeyTreatment.Bookkeeping).Select(k => k.Key), StringComparer.Ordinal);

    private static IReadOnlyList<CompanionKey> Table(CompanionTable k) =>
    [
        .. k.Applied("image_processor_type", "the class: which steps there are, and their defaults; *Fast resizes as torchvision does"),
        .. k.Applied("feature_extractor_type", "its older name"),
        .. k.Applied("do_resize", "whether the picture is resized"),
        .. k.Applied("size", "to what"),
        .. k.Applied("resample", "with which filter"),
        .. k.Applied("default_to_square", "whether a lone number as size is a square; refused where the class means the other"),
        .. k.Applied("do_center_crop", "whether the middle is cut out"),
        .. k.Applied("crop_size", "how much of it"),
        .. k.Applied("do_pad", "padding to a square is refused"),
        .. k.Applied("do_rescale", "whether bytes are scaled"),
        .. k.Applied("rescale_factor", "by what"),
        .. k.Applied("do_normalize", "whether channels are normalised"),
        .. k.Applied("image_mean", "their means"),
        .. k.Applied("image_std", "their deviations"),
        .. k.Applied("patch_size", "Qwen2-VL: side of a patch"),
        .. k.Applied("merge_size", "Qwen2-VL: patches that become one token"),
        .. k.Applied("temporal_patch_size", "Qwen2-VL: frames of a patch"),
        .. k.Applied("min_pixels", "Qwen2-VL: fewest pixels"),
        .. k.Applied("max_pixels", "Qwen2-VL: most pixels"),
        .. k.Applied("do_image_splitting", "Idefics3, SmolVLM: whether the picture is cut into tiles"),
        .. k.Applied("max_image_size", "Idefics3, SmolVLM: side of a tile"),
        .. k.Applied("image_resize_strategy", "OpenVLA: stretched, cropped or letterboxed"),
        .. k.Applied("input_sizes", "OpenVLA: size for each tower"),
        .. k.Applied("interpolations", "OpenVLA: filter for each tower"),
        .. k.Applied("means", "OpenVLA: means, where tvf_normalize_params is missing"),
        .. k.Applied("stds", "OpenVLA: deviations, where tvf_normalize_params is missing"),
        .. k.Applied("tvf_resize_params", "OpenVLA: the resize of each tower"),
        .. k.Applied("tvf_crop_params", "OpenVLA: the crop of each tower"),
        .. k.Applied("tvf_normalize_params", "OpenVLA: means and deviations of each tower"),
        .. k.Applied("tvf_do_letterbox", "OpenVLA: must agree with image_resize_strategy"),
        .. k.Applied("tvf_letterbox_fill", "OpenVLA: colour around the picture"),
        .. k.Bookkeeping("describes the file", "processor_class", "auto_map", "use_fast", "_valid_processor_keys", "transformers_version"),
        .. k.Bookkeeping("how a call hands its result on", "input_data_format", "data_format", "return_tensors", "device", "disable_grouping",
            "return_row_col_info"),
        .. k.Bookkeeping("pictures are RGB here", "do_convert_rgb"),
        .. k.Bookkeeping("tokens of a prompt, not pixels", "image_seq_length", "image_seq_len"),
        .. k.Bookkeeping("of videos, or of another class", "video_sampling", "use_square_size", "pad_size"),
        .. k.Bookkeeping("a tower says itself how many it is", "use_fused_vision_backbone"),
    ];

    private static IReadOnlyList<CompanionKey> OuterTable(CompanionTable k) =>
    [
        .. k.Applied("image_processor", "the keys of preprocessor_config.json; both files must say the same where both stand"),
        .. k.Bookkeeping("describes the file", "processor_class", "auto_map", "transformers_version"),
        .. k.Bookkeeping("videos and sounds are not read", "video_processor", "feature_extractor", "audio_processor"),
        .. k.Bookkeeping("the tokenizer's own files are read", "tokenizer", "chat_template"),
        .. k.Bookkeeping("tokens of a prompt, which no processor makes here", "image_token", "video_token", "image_seq_length", "image_seq_len", "patch_size",
            "num_image_tokens", "num_additional_image_tokens", "vision_feature_select_strategy", "image_token_id", "video_token_id"),
    ];
}
