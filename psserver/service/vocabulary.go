package service

import (
	pb "deepdist/proto/deepdist/v1"
)

// Vocabulary streams the words in id order.
func (s *Service) Vocabulary(r *pb.VocabularyRequest, stream pb.ParameterServer_VocabularyServer) error {
	settings, settled, err := s.session.Vocabulary(r.WorkerId, r.TrainingId)
	if err != nil {
		return statusOf(err)
	}
	message := &pb.VocabularyResponse{TotalWords: settled.Words, Size: uint64(settled.Size()), Settings: &pb.Word2Vec{
		VectorSize: settings.VectorSize, Window: settings.Window, Negative: settings.Negative, Sample: settings.Sample,
		NsExponent: settings.NsExponent, Alpha: settings.Alpha, MinAlpha: settings.MinAlpha, Epochs: settings.Epochs,
		Seed: settings.Seed, ShrinkWindows: settings.ShrinkWindows,
		Sg: settings.Sg, CbowMean: settings.CbowMean, Hs: settings.Hs, ComputeLoss: settings.ComputeLoss,
	}, Counts: &pb.Counts{}}
	for i := range settled.Entries {
		e := &settled.Entries[i]
		message.Counts.Words = append(message.Counts.Words, e.Word...)
		message.Counts.Lengths = append(message.Counts.Lengths, uint32(len(e.Word)))
		message.Counts.Counts = append(message.Counts.Counts, e.Count)
		if len(message.Counts.Words)+12*len(message.Counts.Lengths) >= maxChunk {
			if err := stream.Send(message); err != nil {
				return err
			}
			message = &pb.VocabularyResponse{Counts: &pb.Counts{}}
		}
	}
	return stream.Send(message)
}
